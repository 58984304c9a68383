// @ts-check
// Words of the field, each with what it means on hover, tap or Enter: in a line of their own, and where they first
// stand in what is seen. Entry point: mount().

/** @import { Component, Dictionaries } from "../kit/types.d.ts" */

import { Words } from "../kit/maps/words.js";
import { find } from "./find.js";

const [GAP, EDGE, PAUSE] = [6, 8, 250]; // pixels to the word, and to the edge of the window; milliseconds after a change
const PLACES = "#left, #tabs .tabitem"; // in each the first of every word is marked
const NOT = "button, a, select, option, textarea, svg, script, style, .terms, .thumbnail-item, .offer";

class Term {
  constructor(name, words) {
    this.word = words.say(name);
    this.button = Object.assign(document.createElement("button"), { type: "button", textContent: this.word });
    const meaning = { id: `term-${name.replace(" ", "-")}`, textContent: words.say(`${name}_means`) };
    this.note = Object.assign(document.createElement("span"), meaning);
    Object.assign(this.note, { role: "tooltip", popover: "auto", className: "meaning" }); // Escape and a click elsewhere close it
    this.button.setAttribute("aria-describedby", this.note.id);
    const show = () => this.show(this.button.getBoundingClientRect());
    this.button.addEventListener("click", show);
    this.button.addEventListener("blur", () => this.hide());
    this.button.addEventListener("pointerenter", ({ pointerType }) => { if (pointerType === "mouse") show(); });
    this.button.addEventListener("pointerleave", ({ pointerType }) => { if (pointerType === "mouse") this.hide(); });
  }

  /** Shows the meaning below a word that fills the box. */
  show({ left, bottom }) {
    this.note.showPopover();
    const most = innerWidth - this.note.offsetWidth - EDGE;
    Object.assign(this.note.style, { left: `${Math.max(EDGE, Math.min(left, most))}px`, top: `${bottom + GAP}px` });
  }

  hide() {
    this.note.hidePopover();
  }
}

/** The first of every term in each place that is seen: [{ term, range }]. */
function mark(terms) {
  return [...document.querySelectorAll(PLACES)].filter((place) => place.checkVisibility()).flatMap((place) => {
    const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT, ({ parentElement }) => (
      !parentElement.closest(NOT) && parentElement.checkVisibility() ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_REJECT
    ));
    /** @type {Text[]} */
    const texts = [];
    while (walker.nextNode()) texts.push(/** @type {Text} */ (walker.currentNode));
    return find(texts.map((node) => node.data), terms.map(({ word }) => word)).map(({ word, text, start, end }) => {
      const range = new Range();
      range.setStart(texts[text], start);
      range.setEnd(texts[text], end);
      return { term: terms[word], range };
    });
  });
}

/** Marks the words in the page, and shows the meaning of that under the pointer. The marks are the browser's own
 * highlights, so that what gradio draws stays as it is. */
function follow(terms) {
  let [marks, shown, timer] = [[], null, null];
  const renew = () => {
    marks = mark(terms);
    CSS.highlights.set("term", new Highlight(...marks.map(({ range }) => range)));
  };
  const under = ({ clientX: x, clientY: y }) => {
    for (const { term, range } of marks) {
      const box = [...range.getClientRects()].find(({ left, right, top, bottom }) => left <= x && x <= right && top <= y && y <= bottom);
      if (box && document.elementFromPoint(x, y)?.contains(range.startContainer)) return { term, box };
    }
    return null;
  };
  const look = (event) => {
    const found = under(event);
    if (found?.term === shown) return;
    shown?.hide();
    shown = found?.term ?? null;
    shown?.show(found.box);
  };
  document.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") look(event); }, { passive: true });
  document.addEventListener("click", look);
  new MutationObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(renew, PAUSE);
  }).observe(document.body, { subtree: true, childList: true, characterData: true, attributeFilter: ["style", "class", "hidden"] });
  renew();
}

/** @param {Component<{ words: Dictionaries, terms: string[] }>} component */
export function mount({ element, props }) {
  const [root, words] = [element.querySelector(".terms"), new Words(props.words)];
  words.fill(root);
  const terms = props.terms.map((name) => new Term(name, words));
  root.append(...terms.flatMap(({ button, note }) => [button, note]));
  if ("highlights" in CSS) follow(terms);
}
