// @ts-check
// The visitor's own pictures: large ones are made smaller, and the last one stays in this browser until it is
// forgotten. A page that is loaded anew shows it again. Entry point: mount().

/** @import { Component, Dictionaries } from "../kit/types.d.ts" */

import { forget, keep, last } from "./last.js";
import { shrinkLarge } from "./shrink.js";

const MEGABYTE = 2 ** 20;

class Own {
  constructor({ element, trigger, props, words }) {
    this.trigger = trigger;
    this.props = props;
    this.words = words;
    this.kept = undefined;
    this.root = element.querySelector(".own-picture");
    for (const button of element.querySelectorAll("button")) {
      button.textContent = words[button.dataset.do];
      button.addEventListener("click", () => this[button.dataset.do]());
    }
    const line = element.querySelector(".shrunk");
    const tell = ({ name, size }, done) => {
      const gaps = { name, size: (size / MEGABYTE).toFixed(0), limit: props.limit };
      line.textContent = (done ? words.shrunk : words.refused).replace(/\{(\w+)\}/g, (_, gap) => gaps[gap]);
    };
    shrinkLarge({ limit: props.limit * MEGABYTE, tell });
  }

  /** What was kept on a former visit; it is shown at once where the address is that of an own picture. */
  async begin(search) {
    this.kept = await last();
    this.draw();
    const asked = new URLSearchParams(search);
    if (this.kept && asked.has("model") && !asked.has("example")) this.show();
  }

  /** Another picture is shown, the visitor's own at `props.value`, or none of theirs. */
  async follow() {
    const url = this.props.value;
    if (url) {
      const blob = await (await fetch(url)).blob();
      this.kept = new File([blob], decodeURIComponent(url.split("/").at(-1)), { type: blob.type });
      await keep(this.kept);
    }
    this.draw();
  }

  async show() {
    const form = new FormData();
    form.append("files", this.kept);
    const answer = await fetch(new URL("gradio_api/upload", document.baseURI), { method: "POST", body: form });
    if (answer.ok) this.trigger("restore", { path: (await answer.json())[0] });
  }

  async forget() {
    this.kept = undefined;
    await forget();
    this.draw();
  }

  draw() {
    const shown = Boolean(this.props.value);
    this.root.hidden = !this.kept;
    this.root.querySelector("p").textContent = shown ? this.words.kept : this.words.former;
    this.root.querySelector("[data-do=show]").hidden = shown;
  }
}

/** Starts it in `element`; `trigger`, `props` and `watch` are those of the page's component.
 * @param {Component<{ value: string, limit: number, words: Dictionaries }>} component */
export function mount({ element, trigger, props, watch }) {
  const words = props.words[document.documentElement.lang.slice(0, 2)]; // head.html
  const own = new Own({ element, trigger, props, words });
  const { search } = location; // before the page writes its own
  watch("value", () => own.follow());
  document.addEventListener("own-wanted", () => { if (own.kept && !props.value) own.show(); });
  document.addEventListener("link-opened", () => own.begin(search), { once: true });
  if ("opened" in document.body.dataset) own.begin(search);
}
