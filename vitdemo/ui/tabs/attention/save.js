// A figure as a PNG for the visitor, with its legend and with what it shows in words.

import { draw } from "../../kit/maps/legend.js";
import { INK, PAPER } from "../../kit/maps/scale.js";

const [PAD, SIZE] = [12, 15];

/** Downloads `figure` (a canvas) as `name`, above its `legend` and `lines` of text. */
export async function save(figure, { name, ...words }) {
  const blob = await new Promise((done) => { sheet(figure, words).toBlob(done, "image/png"); });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${name.replace(/[^\w.-]+/g, "-")}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function sheet(figure, { legend, lines, font }) {
  const { width, height } = figure;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height + 78 + (SIZE + 6) * lines.length];
  const context = canvas.getContext("2d");
  context.fillStyle = PAPER;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(figure, 0, 0);
  context.fillStyle = INK;
  context.font = `${SIZE}px ${font}`;
  context.textBaseline = "top";
  context.translate(PAD, height + 9);
  const below = draw(context, legend, width - 2 * PAD);
  lines.forEach((text, index) => context.fillText(text, 0, below + index * (SIZE + 6), width - 2 * PAD));
  return canvas;
}
