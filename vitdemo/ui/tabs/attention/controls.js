// The controls: they read and show the state, nothing else.

const CHOICES = {
  direction: ["out", "in"],
  pass: ["pruned", "dense"],
  fusion: ["mean", "max", "min"],
  scale: ["own", "shared"],
  colours: ["values", "heads"],
  patches: ["smooth", "square"],
};
const NUMBERS = { layer: 1, discard_ratio: 100, opacity: 100 }; // state = slider / this

export class Controls {
  /** `change(part of the state)` is called when the visitor changes something. `methods`: key -> its options. */
  constructor(root, { change, words, methods }) {
    Object.assign(this, { root, words, methods });
    this.choices = { method: Object.keys(methods), ...CHOICES };
    for (const [name, values] of Object.entries(this.choices)) {
      for (const select of root.querySelectorAll(`select[data-control=${name}]`)) {
        select.append(...values.map((value) => new Option(words.say(`${name}_${value}`), value)));
      }
      for (const box of root.querySelectorAll(`fieldset [data-control=${name}]`)) {
        box.append(...values.map((value) => this.radio(name, value)));
      }
    }
    root.addEventListener("input", ({ target }) => {
      const name = target.closest("[data-control]")?.dataset.control;
      if (name) change({ [name]: this.read(name, target.value) });
    });
  }

  radio(name, value) {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: `attention-${name}`, value });
    const words = document.createElement("span");
    words.textContent = this.words.say(`${name}_${value}`);
    label.append(input, words);
    return label;
  }

  read(name, value) {
    if (name in NUMBERS) return Number(value) / NUMBERS[name];
    return name === "head" ? (value === "all" ? null : Number(value)) : value;
  }

  find(name) {
    return this.root.querySelector(`[data-control=${name}]`);
  }

  /** Another result: its layers, heads and passes. */
  open({ layers, heads, passes }) {
    this.find("layer").max = layers - 1;
    const options = [new Option(this.words.say("all_heads"), "all")];
    for (let head = 0; head < heads; head++) options.push(new Option(this.words.say("head_number", { head }), head));
    this.find("head").replaceChildren(...options);
    this.find("pass").querySelector("[value=pruned]").disabled = !passes.pruned;
  }

  /** Shows the state; a control that the method ignores is greyed out. */
  show(state) {
    for (const [name, factor] of Object.entries(NUMBERS)) {
      const slider = this.find(name);
      slider.value = Math.round(state[name] * factor);
      const words = name === "layer" ? state.layer : `${slider.value} %`;
      slider.closest(".control").querySelector("output").textContent = words;
    }
    for (const name of Object.keys(this.choices)) {
      const control = this.find(name);
      if (control.matches("select")) control.value = state[name];
      else control.querySelector(`[value=${state[name]}]`).checked = true;
    }
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
