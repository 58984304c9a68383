// Words of the field, each with what it means on hover, tap or Enter. Entry point: mount().

import { Words } from "../kit/maps/words.js";

const [GAP, EDGE] = [6, 8]; // pixels between a word and its meaning, and to the edge of the window

/** A button that shows the meaning of `term`, and the meaning. */
function make(term, words) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: words.say(term) });
  const note = Object.assign(document.createElement("span"), { id: `term-${term.replace(" ", "-")}`, textContent: words.say(`${term}_means`) });
  Object.assign(note, { role: "tooltip", popover: "auto", className: "meaning" }); // Escape and a click elsewhere close it
  button.setAttribute("aria-describedby", note.id);
  const show = () => {
    note.showPopover();
    const { left, bottom } = button.getBoundingClientRect();
    const most = innerWidth - note.offsetWidth - EDGE;
    Object.assign(note.style, { left: `${Math.max(EDGE, Math.min(left, most))}px`, top: `${bottom + GAP}px` });
  };
  button.addEventListener("click", show);
  button.addEventListener("blur", () => note.hidePopover());
  button.addEventListener("pointerenter", ({ pointerType }) => { if (pointerType === "mouse") show(); });
  button.addEventListener("pointerleave", ({ pointerType }) => { if (pointerType === "mouse") note.hidePopover(); });
  return [button, note];
}

export function mount({ element, props }) {
  const [root, words] = [element.querySelector(".terms"), new Words(props.words)];
  words.fill(root);
  for (const term of props.terms) root.append(...make(term, words));
}
