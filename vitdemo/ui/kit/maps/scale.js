// @ts-check
// From numbers to colours and words: one scale from 0 to a maximum, as vitdemo/render/scale.py has it.

/** @import { Colour, Row, Winner } from "../types.d.ts" */

export const INK = "rgb(31 41 55)";
export const PAPER = "rgb(250 250 250)";
export const OPACITY = 0.85; // of the highest colour over a picture
export const OUTLIER = [74, 222, 128]; // beyond the end of a scale; the colour map has no green
const [COMMON, USUAL] = [0.99, 0.98]; // shares of the patches that a scale of many maps holds, or one of a single map
const FACTOR = 3; // that many times higher, the highest patches of a map are outliers
const NOISE = 1e-6; // of a scale: numbers that differ by less are equal

/** The high end of a scale that starts at 0 and holds all `rows`; a scale of zeros ends at 0.5.
 * @param {(Row | null)[]} rows
 * @param {number} prefix
 * @returns {number} */
export function top(rows, prefix) {
  let high = 0;
  for (const row of rows) {
    if (row) for (let i = prefix; i < row.length; i++) if (row[i] > high) high = row[i];
  }
  return high || 0.5;
}

/** The high end of a map's own scale: its maximum, or where that is an outlier, which would darken all other
 * patches, the 98th percentile.
 * @param {Row} row
 * @param {number} prefix
 * @returns {number} */
export function own(row, prefix) {
  const [high, usual] = [top([row], prefix), percentile([row], { prefix, share: USUAL })];
  return usual > 0 && high > FACTOR * usual ? usual : high;
}

/** The high end of one scale for all `rows`: their 99th percentile; their maximum where both are equal.
 * @param {(Row | null)[]} rows
 * @param {number} prefix
 * @returns {number} */
export function common(rows, prefix) {
  const [high, usual] = [top(rows, prefix), percentile(rows, { prefix, share: COMMON })];
  return usual > 0 && high - usual > NOISE * high ? usual : high;
}

/** The value below which a `share` of the patches of all `rows` lie, NaN where they have none. */
function percentile(rows, { prefix, share }) {
  const parts = rows.filter(Boolean).map((row) => row.subarray(prefix).filter((value) => !Number.isNaN(value)));
  const values = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    values.set(part, end);
    end += part.length;
  }
  values.sort();
  const place = share * (end - 1);
  const [low, high] = [values[Math.floor(place)], values[Math.ceil(place)]];
  return low + (high - low) * (place % 1);
}

/** How many patches of `row` lie beyond `high`.
 * @param {Row} row
 * @param {{ prefix: number, high: number }} scale
 * @returns {number} */
export function beyond(row, { prefix, high }) {
  let count = 0;
  for (let i = prefix; i < row.length; i++) if (row[i] > high) count++;
  return count;
}

/** Writes the patches of `row` into `pixels` (RGBA); a patch without a value stays transparent. With an
 * `opacity`, that of the high end, the others are as opaque as they are high.
 * @param {Uint8ClampedArray} pixels
 * @param {Row} row
 * @param {{ prefix: number, palette: Uint8Array, high: number, opacity?: number | null }} scale */
export function paint(pixels, row, { prefix, palette, high, opacity = null }) {
  for (let i = prefix, at = 0; i < row.length; i++, at += 4) {
    const share = Math.min(Math.max(row[i] / high, 0), 1);
    if (Number.isNaN(share)) {
      pixels.fill(0, at, at + 4);
      continue;
    }
    const index = 3 * Math.floor(share * 255 + 0.5);
    for (let channel = 0; channel < 3; channel++) {
      pixels[at + channel] = row[i] > high ? OUTLIER[channel] : palette[index + channel];
    }
    pixels[at + 3] = opacity === null ? 255 : 255 * opacity * share;
  }
}

/** Which of the maps `rows` is highest at each patch, as a share of its own `highs`: [{ head, share }], null
 * where none has a value.
 * @param {Row[]} rows
 * @param {{ prefix: number, highs: number[] }} scales
 * @returns {(Winner | null)[]} */
export function strongest(rows, { prefix, highs }) {
  return Array.from({ length: rows[0].length - prefix }, (_, patch) => {
    let best = null;
    rows.forEach((row, head) => {
      const share = Math.min(row[patch + prefix] / highs[head], 1);
      if (share > (best?.share ?? -1)) best = { head, share };
    });
    return best;
  });
}

/** Writes the colour of the strongest head of each patch, as opaque as it is strong.
 * @param {Uint8ClampedArray} pixels
 * @param {(Winner | null)[]} winners
 * @param {{ colours: Colour[], opacity: number }} look */
export function paintHeads(pixels, winners, { colours, opacity }) {
  winners.forEach((best, patch) => {
    pixels.set(best ? [...colours[best.head], 255 * opacity * best.share] : [0, 0, 0, 0], 4 * patch);
  });
}

/** As many bright colours as there are heads, evenly round the wheel, each second one darker.
 * @param {number} count
 * @returns {Colour[]} */
export function headColours(count) {
  return Array.from({ length: count }, (_, head) => {
    const [hue, light] = [(12 * head) / count, head % 2 && count > 4 ? 0.5 : 0.64];
    return [0, 8, 4].map((shift) => {
      const k = (shift + hue) % 12;
      return Math.round(255 * (light - 0.9 * Math.min(light, 1 - light) * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
    });
  });
}

/** `colours`, RGB triples in a row, as a picture one pixel high.
 * @param {Uint8Array | number[]} colours
 * @returns {HTMLCanvasElement} */
export function strip(colours) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [colours.length / 3, 1];
  const image = new ImageData(canvas.width, 1);
  for (let i = 0; i < canvas.width; i++) image.data.set([...colours.slice(3 * i, 3 * i + 3), 255], 4 * i);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** 0, the middle and `high`, with as many decimals as tell them apart.
 * @param {number} high
 * @returns {string[]} */
export function ticks(high) {
  return [0, high / 2, high].map((value) => number(value, high));
}

/** `value` as text on a scale that ends at `high`.
 * @param {number} value
 * @param {number} high
 * @returns {string} */
export function number(value, high) {
  const decimals = 2 - Math.floor(Math.log10(high));
  return decimals > -5 && decimals <= 5 ? value.toFixed(Math.max(0, decimals)) : value.toExponential(2);
}

/** The sum, the largest patch and the prefix tokens' part of a map.
 * @param {Row} row
 * @param {number} prefix
 * @returns {{ total: number, best: number, before: number }} */
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
