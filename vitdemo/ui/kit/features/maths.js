// @ts-check
// What features say of patches: pure functions of a layer, and rows over all patches of its picture.
// Rows have NaN where a patch is gone.

/** @import { Grid, Layer, Row } from "../types.d.ts" */

/** The cosine of `patch` of the layer `from` and each patch of the layer `to`, of the same network.
 * @param {Layer} from
 * @param {Layer} to
 * @param {number} patch
 * @returns {Row} */
export function similarity(from, to, patch) {
  const { width } = from;
  const start = from.place[patch] * width;
  const own = from.directions.subarray(start, start + width);
  return spread(to, (index) => {
    let sum = 0;
    for (let i = 0, at = index * width; i < width; i++, at++) sum += own[i] * to.directions[at];
    return sum;
  });
}

/** A row of `value(index)` of each patch present.
 * @param {Pick<Layer, "patches" | "place">} layer
 * @param {(index: number) => number} value
 * @returns {Row} */
export function spread({ patches, place }, value) {
  const row = new Float64Array(place.length).fill(NaN);
  patches.forEach((patch, index) => { row[patch] = value(index); });
  return row;
}

/** The lowest and the highest value of a row; 0 and 1 where it has none.
 * @param {Row} row
 * @returns {{ low: number, high: number }} */
export function range(row) {
  const there = row.filter((value) => !Number.isNaN(value));
  return there.length ? { low: Math.min(...there), high: Math.max(...there) } : { low: 0, high: 1 };
}

const [LOW, HIGH] = [0.02, 0.98]; // shares of the patches at which a colour is darkest and brightest

/** The three components of each patch present as red, green and blue, from 0 to 1: [r, g, b, r, ...].
 * @param {Pick<Layer, "patches" | "components">} layer
 * @returns {Float64Array} */
export function colours({ patches, components }) {
  const result = new Float64Array(components.length);
  for (let channel = 0; channel < 3; channel++) {
    const values = Float64Array.from(patches, (_, index) => components[3 * index + channel]);
    const sorted = values.slice().sort();
    const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
    const [low, high] = [at(LOW), at(HIGH)];
    values.forEach((value, index) => {
      result[3 * index + channel] = high > low ? Math.min(Math.max((value - low) / (high - low), 0), 1) : 0.5;
    });
  }
  return result;
}

/** Writes the colours of a layer into `pixels`, RGBA a patch of its picture.
 * @param {Uint8ClampedArray} pixels
 * @param {Pick<Layer, "patches" | "components">} layer
 * @param {number} opacity */
export function paintColours(pixels, layer, opacity) {
  pixels.fill(0);
  const channels = colours(layer);
  layer.patches.forEach((patch, index) => {
    for (let channel = 0; channel < 3; channel++) pixels[4 * patch + channel] = 255 * channels[3 * index + channel];
    pixels[4 * patch + 3] = 255 * opacity;
  });
}

/** The patches whose norm is beyond the limit.
 * @param {Pick<Layer, "patches" | "norms" | "limit">} layer
 * @returns {number[]} */
export function artefacts({ patches, norms, limit }) {
  return Array.from(patches).filter((_, index) => norms[index] > limit);
}

/** The patch of the highest value but for `except`, or null where there is no other.
 * @param {Row} row
 * @param {number | null} except
 * @returns {number | null} */
export function nearest(row, except) {
  let best = null;
  row.forEach((value, patch) => {
    if (patch !== except && (value > row[best] || (best === null && !Number.isNaN(value)))) best = patch;
  });
  return best;
}

/** The patch present that is nearest to the middle of the picture.
 * @param {Pick<Layer, "patches">} layer
 * @param {Grid} grid
 * @returns {number} */
export function middle({ patches }, [gh, gw]) {
  const far = (patch) => Math.hypot(Math.floor(patch / gw) - (gh - 1) / 2, (patch % gw) - (gw - 1) / 2);
  return Array.from(patches).reduce((best, patch) => (far(patch) < far(best) ? patch : best));
}

/** The patches that are gone.
 * @param {Pick<Layer, "place">} layer
 * @returns {number[]} */
export function gone({ place }) {
  return Array.from(place.keys()).filter((patch) => place[patch] < 0);
}
