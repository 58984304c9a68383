// @ts-check
// A figure as a PNG for the visitor, with its legend and with what it shows in words.

/** @import { Legend } from "../../kit/types.d.ts" */

import { broken } from "../../kit/figures.js";
import { draw } from "../../kit/maps/legend.js";
import { INK, PAPER } from "../../kit/maps/scale.js";

const [PAD, SIZE, LINE] = [12, 15, 21];
const LEAST = 1024; // pixels of a saved picture's width

/** Downloads `figure` (a canvas) as `name`, above its `legend` and `lines` of text.
 * @param {HTMLCanvasElement} figure
 * @param {{ name: string, legend: Legend, lines: string[], font: string }} words */
export async function save(figure, { name, ...words }) {
  const blob = await new Promise((done) => { sheet(figure, words).toBlob(done, "image/png"); });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${name.replace(/[^\w.-]+/g, "-")}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** The sheet, as many times larger as it takes to be `LEAST` pixels wide: a whole number, so that patches stay sharp. */
function sheet(figure, { legend, lines, font }) {
  const { width, height } = figure;
  const zoom = Math.max(1, Math.ceil(LEAST / width));
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  const letters = `${SIZE}px ${font}`;
  context.font = letters;
  const fits = (line) => context.measureText(line).width <= width - 2 * PAD;
  const words = lines.flatMap((line) => broken(line, fits));
  [canvas.width, canvas.height] = [zoom * width, zoom * (height + 84 + LINE * words.length)];
  context.scale(zoom, zoom);
  context.fillStyle = PAPER;
  context.fillRect(0, 0, width, canvas.height);
  context.imageSmoothingEnabled = false;
  context.drawImage(figure, 0, 0);
  Object.assign(context, { fillStyle: INK, font: letters, textBaseline: "top" });
  context.translate(PAD, height + 9);
  const below = draw(context, legend, width - 2 * PAD);
  words.forEach((text, index) => context.fillText(text, 0, below + index * LINE));
  return canvas;
}
