// @ts-check
// Playing through the layers, for as long as the button is pressed.

const STEP = 700; // milliseconds a layer

export class Player {
  /** `step` shows the next layer; `over` says whether the last one is reached. */
  constructor(button, { step, over }) {
    this.button = button;
    this.step = step;
    this.over = over;
    this.timer = null;
    button.addEventListener("click", () => (this.timer ? this.stop() : this.play()));
  }

  play() {
    this.step();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.timer = setInterval(() => (this.over() ? this.stop() : this.step()), STEP);
    this.button.setAttribute("aria-pressed", "true");
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.button.setAttribute("aria-pressed", "false");
  }
}
