// Buttons that fetch what is shown, as a picture to be sent or as numbers: the server writes a file, the browser
// saves it.

import "../kit/figures.js"; // the charts' own buttons

const SHORT = 2500; // milliseconds that "Saved" stays

/** Starts the buttons in `element`; `trigger`, `props` and `watch` are those of the page's component. */
export function mount({ element, trigger, props, watch }) {
  const root = element.querySelector(".export");
  const words = props.words[document.documentElement.lang.slice(0, 2)]; // head.html
  const [title, status] = [root.querySelector(".title"), root.querySelector(".status")];
  const buttons = [...root.querySelectorAll("button")];
  title.textContent = words.title;
  root.setAttribute("aria-label", words.group);
  root.querySelector("[data-word=card]").textContent = words.card;
  let turn = 0;

  for (const button of buttons) {
    button.title = words[button.dataset.kind];
    button.addEventListener("click", () => {
      turn += 1;
      status.textContent = words.waiting;
      // The Attention tab is built once it was opened; before that, it shows what it will show first.
      const look = document.querySelector(".attention")?.attention?.state ?? null;
      trigger("export", { turn, kind: button.dataset.kind, look });
    });
  }

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
