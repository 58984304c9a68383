// A figure as a PNG for the visitor, with its colour bar and with what it shows in words.

import { INK, PAPER, ramp, ticks } from "./scale.js";

const [PAD, SIZE] = [12, 15];

/** Downloads `figure` (a canvas) as `name`, above the colour bar up to `high` and `lines` of text. */
export async function save(figure, { name, ...words }) {
  const blob = await new Promise((done) => { sheet(figure, words).toBlob(done, "image/png"); });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${name.replace(/[^\w.-]+/g, "-")}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function sheet(figure, { palette, high, label, lines, font }) {
  const { width, height } = figure;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height + 78 + (SIZE + 6) * lines.length];
  const context = canvas.getContext("2d");
  context.fillStyle = PAPER;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(figure, 0, 0);
  context.drawImage(ramp(palette), PAD, height + 30, width - 2 * PAD, 14);
  context.fillStyle = INK;
  context.font = `${SIZE}px ${font}`;
  context.textBaseline = "top";
  context.fillText(label, PAD, height + 9, width - 2 * PAD);
  ticks(high).forEach((text, index) => {
    context.textAlign = ["left", "center", "right"][index];
    context.fillText(text, PAD + ((width - 2 * PAD) * index) / 2, height + 48);
  });
  context.textAlign = "left";
  lines.forEach((text, index) => context.fillText(text, PAD, height + 74 + index * (SIZE + 6), width - 2 * PAD));
  return canvas;
}
