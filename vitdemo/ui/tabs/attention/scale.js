// From numbers to colours and words: one scale from 0 to a maximum, as vitdemo/render has it.

export const INK = "rgb(31 41 55)";
export const PAPER = "rgb(250 250 250)";

/** The high end of a scale that starts at 0 and holds all `rows`; a scale of zeros ends at 0.5. */
export function top(rows, prefix) {
  let high = 0;
  for (const row of rows) {
    if (row) for (let i = prefix; i < row.length; i++) if (row[i] > high) high = row[i];
  }
  return high || 0.5;
}

/** Writes the patches of `row` into `pixels` (RGBA); a patch without a value stays transparent. */
export function paint(pixels, row, { prefix, palette, high }) {
  for (let i = prefix, at = 0; i < row.length; i++, at += 4) {
    const value = row[i];
    const index = 3 * Math.floor(Math.min(Math.max(value / high, 0), 1) * 255 + 0.5);
    const gone = Number.isNaN(value);
    for (let channel = 0; channel < 3; channel++) pixels[at + channel] = gone ? 0 : palette[index + channel];
    pixels[at + 3] = gone ? 0 : 255;
  }
}

/** The colour map as a picture of 256 x 1 pixels. */
export function ramp(palette) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [256, 1];
  const image = new ImageData(256, 1);
  for (let i = 0; i < 256; i++) image.data.set([...palette.subarray(3 * i, 3 * i + 3), 255], 4 * i);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** 0, the middle and `high`, with as many decimals as tell them apart. */
export function ticks(high) {
  return [0, high / 2, high].map((value) => number(value, high));
}

/** `value` as text on a scale that ends at `high`. */
export function number(value, high) {
  const decimals = 2 - Math.floor(Math.log10(high));
  return decimals > -5 && decimals <= 5 ? value.toFixed(Math.max(0, decimals)) : value.toExponential(2);
}

/** The sum, the largest patch and the prefix tokens' part of a map. */
export function summary(row, prefix) {
  let [total, best, before] = [0, -1, 0];
  for (let i = 0; i < row.length; i++) {
    if (Number.isNaN(row[i])) continue;
    if (i < prefix) before += row[i];
    else {
      total += row[i];
      if (best < 0 || row[i] > row[best + prefix]) best = i - prefix;
    }
  }
  return { total, best, before };
}
