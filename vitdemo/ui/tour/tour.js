// @ts-check
// Five steps round the page for who comes for the first time, and for everybody at a button. Entry point: mount().

/** @import { Component, Dictionaries } from "../kit/types.d.ts" */

import { Words } from "../kit/maps/words.js";

const SEEN = "vitdemo.tour"; // in this browser's storage, once the tour was shown
const STOPS = [".film", "#headline", "#ratio", "#picture", "#tabs [role=tablist]"];
const [GAP, EDGE] = [12, 8]; // pixels between the spot and the card, and between either and the edge of the window

class Tour {
  constructor({ root, words }) {
    this.root = root;
    this.words = words;
    this.step = 0;
    words.fill(root);
    this.dialog = root.querySelector("dialog");
    this.find(".start").addEventListener("click", () => this.start());
    this.find(".leave").addEventListener("click", () => this.dialog.close());
    this.find(".back").addEventListener("click", () => this.go(this.step - 1));
    this.find(".next").addEventListener("click", () => this.go(this.step + 1));
    this.dialog.addEventListener("keydown", ({ key }) => {
      if (key === "ArrowRight") this.go(Math.min(this.step + 1, STOPS.length - 1));
      if (key === "ArrowLeft") this.go(Math.max(this.step - 1, 0));
    });
    for (const change of ["resize", "scroll"]) window.addEventListener(change, () => this.place(), { passive: true });
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  start() {
    remember();
    this.dialog.showModal();
    this.go(0);
  }

  /** Shows a step; behind the last one the tour is over. */
  go(step) {
    if (step === STOPS.length) {
      this.dialog.close();
      return;
    }
    this.step = step;
    const { words } = this;
    this.find(".count").textContent = words.say("count", { step: step + 1, steps: STOPS.length });
    this.find("h2").textContent = words.say(`title_${step}`);
    this.find("#tour-text").textContent = words.say(`text_${step}`);
    this.find(".back").disabled = step === 0;
    this.find(".next").textContent = words.say(step === STOPS.length - 1 ? "done" : "next");
    this.find(".next").focus();
    this.target?.scrollIntoView({ block: "center" });
    this.place();
  }

  /** What the step is about, where it can be seen. */
  get target() {
    const found = document.querySelector(STOPS[this.step]);
    return found?.checkVisibility() ? found : null;
  }

  /** Puts the spot on what the step is about, and the card where there is room for it. */
  place() {
    if (!this.dialog.open) return;
    const [spot, card] = [this.find(".spot"), this.find(".card")];
    const box = this.target?.getBoundingClientRect() ?? new DOMRect(innerWidth / 2, innerHeight / 2, 0, 0);
    const { offsetWidth: width, offsetHeight: height } = card;
    const sides = [ // below, above, right of it, left of it; else over its lower end
      [box.left, box.bottom + GAP], [box.left, box.top - GAP - height],
      [box.right + GAP, box.top], [box.left - GAP - width, box.top],
    ];
    const fits = ([x, y]) => x >= EDGE && y >= EDGE && x + width <= innerWidth - EDGE && y + height <= innerHeight - EDGE;
    const within = (at, size, end) => Math.max(EDGE, Math.min(at, end - size - EDGE));
    const near = sides.map(([x, y], side) => (side < 2 ? [within(x, width, innerWidth), y] : [x, within(y, height, innerHeight)]));
    const [x, y] = near.find(fits) ?? [within(box.left, width, innerWidth), innerHeight - height - EDGE];
    Object.assign(card.style, { left: `${x}px`, top: `${y}px` });
    Object.assign(spot.style, { left: `${box.left}px`, top: `${box.top}px`, width: `${box.width}px`, height: `${box.height}px` });
  }
}

/** Whether the page opens for a person who has not seen the tour yet, wants motion, and follows no link. */
function isWanted(search) {
  const still = navigator.webdriver || matchMedia("(prefers-reduced-motion: reduce)").matches;
  try {
    return !search && !still && !localStorage.getItem(SEEN);
  } catch {
    return false; // a browser that remembers nothing would show it at each visit
  }
}

function remember() {
  try {
    localStorage.setItem(SEEN, "shown");
  } catch {
    // then it comes only when it is asked for
  }
}

/** Builds the tour in `element`.
 * @param {Component<{ words: Dictionaries }>} component */
export function mount({ element, props }) {
  const { search } = location; // before the page writes its own
  const tour = new Tour({ root: element.querySelector(".tour"), words: new Words(props.words) });
  const begin = () => { if (isWanted(search)) tour.start(); };
  if ("opened" in document.body.dataset) begin();
  else document.addEventListener("link-opened", begin, { once: true });
}
