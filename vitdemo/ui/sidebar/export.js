// @ts-check
// Buttons that fetch what is shown, as a picture to be sent or as numbers: the server writes a file, the browser
// saves it.

/** @import { Component, Dictionaries } from "../kit/types.d.ts" */

import "../kit/figures.js"; // the charts' own buttons

const MAPS = ":is(#class-maps, #other-maps)";
const SHORT = 2500; // milliseconds that "Saved" stays

/** Starts the buttons in `element`; `trigger`, `props` and `watch` are those of the page's component.
 * @param {Component<{ file: string, words: Dictionaries }>} component */
export function mount({ element, trigger, props, watch }) {
  const root = element.querySelector(".export");
  const words = props.words[document.documentElement.lang.slice(0, 2)]; // head.html
  const [title, status] = [root.querySelector(".title"), root.querySelector(".status")];
  const buttons = [...root.querySelectorAll("button")];
  title.textContent = words.title;
  root.setAttribute("aria-label", words.group);
  root.querySelector("[data-word=card]").textContent = words.card;
  let turn = 0;

  function ask(wanted) {
    turn += 1;
    status.textContent = words.waiting;
    trigger("export", { turn, ...wanted });
  }

  for (const button of buttons) {
    button.title = words[button.dataset.kind];
    button.addEventListener("click", () => {
      // The Attention tab is built once it was opened; before that, it shows what it will show first.
      const look = document.querySelector(".attention")?.attention?.state ?? null;
      ask({ kind: button.dataset.kind, look });
    });
  }

  // The button by which gradio would save a map of a class as small as the page shows it.
  document.addEventListener("click", (event) => {
    const { target } = event;
    if (!(target instanceof Element)) return;
    const gallery = target.closest(`${MAPS} .preview .icon-button-wrapper button:first-of-type`)?.closest(MAPS);
    if (!gallery) return;
    event.stopPropagation();
    const maps = [...document.querySelectorAll(`${MAPS} .grid-wrap .thumbnail-item`)];
    ask({ kind: "map", place: maps.indexOf(gallery.querySelector(".grid-wrap .selected")) });
  }, true);

  watch("file", () => {
    const { url, name, asked, problem } = JSON.parse(props.file);
    if (asked !== turn) return; // a later click's answer is on its way
    status.textContent = problem || words.saved;
    if (problem) return;
    const link = Object.assign(document.createElement("a"), { href: new URL(url, document.baseURI).href, download: name });
    link.click();
    setTimeout(() => { if (asked === turn) status.textContent = ""; }, SHORT);
  });
}
