// @ts-check
// The controls of maps: they read and show the state, nothing else.

export class Controls {
  /** `change(part of the state)` is called when the visitor changes something. `choices`: name -> values;
   * `numbers`: name -> what a slider counts in one of the state. */
  constructor(root, { change, words, choices, numbers }) {
    this.root = root;
    this.words = words;
    this.choices = choices;
    this.numbers = numbers;
    for (const [name, values] of Object.entries(choices)) {
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
    const group = `${this.root.closest(".block").id}-${name}`; // one of its own for each tab
    const input = Object.assign(document.createElement("input"), { type: "radio", name: group, value });
    const words = document.createElement("span");
    words.textContent = this.words.say(`${name}_${value}`);
    label.append(input, words);
    return label;
  }

  read(name, value) {
    return name in this.numbers ? Number(value) / this.numbers[name] : value;
  }

  find(name) {
    return this.root.querySelector(`[data-control=${name}]`);
  }

  /** Another result: its layers and passes. */
  open({ layers, passes }) {
    this.find("layer").max = layers - 1;
    this.find("pass").querySelector("[value=pruned]").disabled = !passes.pruned;
  }

  /** Shows the state. */
  show(state) {
    for (const [name, factor] of Object.entries(this.numbers)) {
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
  }
}
