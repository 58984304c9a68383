// @ts-check
// The Attention tab's controls.

import { Controls as Plain } from "../../kit/maps/controls.js";

const CHOICES = {
  direction: ["out", "in"],
  pass: ["pruned", "dense"],
  fusion: ["mean", "max", "min"],
  scale: ["own", "shared"],
  colours: ["values", "heads"],
  patches: ["smooth", "square"],
};
const NUMBERS = { layer: 1, discard_ratio: 100, opacity: 100 }; // state = slider / this

export class Controls extends Plain {
  /** `methods`: key -> its options. */
  constructor(root, { change, words, methods }) {
    super(root, { change, words, choices: { method: Object.keys(methods), ...CHOICES }, numbers: NUMBERS });
    this.methods = methods;
  }

  read(name, value) {
    if (name === "head") return value === "all" ? null : Number(value);
    return super.read(name, value);
  }

  /** Another result: its heads, too. */
  open(data) {
    super.open(data);
    const options = [new Option(this.words.say("all_heads"), "all")];
    for (let head = 0; head < data.heads; head++) options.push(new Option(this.words.say("head_number", { head }), String(head)));
    this.find("head").replaceChildren(...options);
  }

  /** Shows the state; a control that the method ignores is greyed out. */
  show(state) {
    super.show(state);
    this.find("head").value = state.head ?? "all";
    this.root.querySelector("[data-summary]").textContent = this.words.say(`summary_${state.method}`);
    const takes = new Set(this.methods[state.method]);
    const unused = {
      layer: !takes.has("layer"),
      head: !takes.has("head") || state.colours === "heads",
      fusion: state.head !== null && !takes.has("discard_ratio"), // one head, and no fused heads of layers below
      discard_ratio: !takes.has("discard_ratio"),
    };
    for (const [name, off] of Object.entries(unused)) {
      const control = this.find(name);
      control.closest(".control").toggleAttribute("data-unused", off);
      for (const input of control.matches("input, select") ? [control] : control.querySelectorAll("input")) {
        input.disabled = off;
      }
    }
  }
}
