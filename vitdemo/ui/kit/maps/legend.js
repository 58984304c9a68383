// @ts-check
// What the colours mean, on the page and below a saved figure.

/** @import { Legend } from "../types.d.ts" */

/** @type {CanvasTextAlign[]} */
const ENDS = ["left", "center", "right"];

/** Puts a legend into `bar`.
 * @param {Element} bar
 * @param {Legend} legend */
export function show(bar, { label, strip, marks, each, beyond }) {
  bar.querySelector(".unit").textContent = label;
  bar.querySelector(".beyond").textContent = beyond;
  const [ramp, ticks] = [bar.querySelector("canvas"), bar.querySelector(".ticks")];
  ramp.width = strip.width; // which clears it
  ramp.getContext("2d").drawImage(strip, 0, 0);
  ticks.classList.toggle("each", each);
  while (ticks.children.length > marks.length) ticks.lastChild.remove();
  while (ticks.children.length < marks.length) {
    ticks.append(Object.assign(document.createElement("span"), { className: "tick" }));
  }
  marks.forEach((text, index) => { ticks.children[index].textContent = text; });
}

/** Draws a legend `width` pixels wide at the origin of `context`, whose font and ink are set. Returns its height.
 * @param {CanvasRenderingContext2D} context
 * @param {Legend} legend
 * @param {number} width
 * @returns {number} */
export function draw(context, { label, strip, marks, each, beyond }, width) {
  context.fillText([label, beyond].filter(Boolean).join(" · "), 0, 0, width);
  context.imageSmoothingEnabled = false;
  context.drawImage(strip, 0, 21, width, 14);
  marks.forEach((text, index) => {
    context.textAlign = each ? "center" : ENDS[index];
    const place = each ? (index + 0.5) / marks.length : index / (marks.length - 1);
    context.fillText(text, width * place, 39);
  });
  context.textAlign = "left";
  return 65;
}
