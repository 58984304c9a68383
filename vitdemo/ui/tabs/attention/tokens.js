// @ts-check
// Which tokens a pass has at each layer, and of which patches they are made. As vitdemo/maps/heatmap.py.

/** @import { Pass, Row } from "../../kit/types.d.ts" */

const places = new WeakMap();

/** For each layer: the position of the token that holds each original one, -1 where it is gone.
 * @param {Pass} pass
 * @returns {Int32Array[]} */
function placed(pass) {
  if (!places.has(pass)) places.set(pass, follow(pass));
  return places.get(pass);
}

function follow({ ids, mixes, tokens }) {
  let held = Int32Array.from({ length: tokens }, (_, position) => position);
  return ids.map((layer, index) => {
    const [mix, there] = [mixes[index], new Set(layer)];
    const next = (position) => (mix ? (mix.weights[position] ? mix.holders[position] : -1) : there.has(position) ? position : -1);
    held = held.map((position) => (position < 0 ? -1 : next(position)));
    return held;
  });
}

/** The first layer at which `patch` is gone, or the number of layers.
 * @param {Pass} pass
 * @param {number} patch
 * @returns {number} */
export function lifetime(pass, patch) {
  const layer = placed(pass).findIndex((held) => held[patch + pass.prefix] < 0);
  return layer < 0 ? pass.layers : layer;
}

/** The patches that are gone at `layer`; those that were merged are not.
 * @param {Pass} pass
 * @param {number} layer
 * @returns {number[]} */
export function absent(pass, layer) {
  const held = placed(pass)[layer];
  return Array.from({ length: pass.tokens - pass.prefix }, (_, patch) => patch).filter((patch) => held[patch + pass.prefix] < 0);
}

/** The weights with which `query` (null: the head) reads the tokens of `layer`, -1: the input's; they sum to 1.
 * @param {Pass} pass
 * @param {number | null} query
 * @param {number} layer
 * @returns {Row} */
export function startRow(pass, query, layer) {
  const row = new Float64Array(pass.tokens);
  if (query === null) return descend(pass, Float64Array.from(pass.readout), pass.layers - 1, layer);
  const position = query + pass.prefix;
  row[layer < 0 ? position : placed(pass)[layer][position]] = 1;
  return row;
}

/** `row`, over the tokens of layer `from`, as one over those of `to` below it (-1: the input); the sum stays.
 * @param {Pass} pass
 * @param {Row} row
 * @param {number} from
 * @param {number} to
 * @returns {Row} */
export function descend({ mixes }, row, from, to) {
  let result = row;
  for (let layer = from; layer > to; layer--) {
    const [mix, above] = [mixes[layer], result];
    if (mix) result = above.map((_, position) => mix.weights[position] * above[mix.holders[position]]);
  }
  return result;
}

/** `column`, over the tokens that left the layer below, as one over those that enter `layer`.
 * @param {Pass} pass
 * @param {Row} column
 * @param {number} layer
 * @returns {Row} */
export function ascend({ mixes }, column, layer) {
  const mix = mixes[layer];
  if (!mix) return column;
  const result = new Float64Array(column.length);
  column.forEach((value, position) => { result[mix.holders[position]] += mix.weights[position] * value; });
  return result;
}

/** `row` over the input's tokens, with NaN at those that are gone at `layer`.
 * @param {Pass} pass
 * @param {Row} row
 * @param {number} layer
 * @returns {Row} */
export function present(pass, row, layer) {
  const held = placed(pass)[layer];
  return row.map((value, position) => (held[position] < 0 ? NaN : value));
}

/** What each token of `layer` has, for all that it is made of; NaN for what is gone.
 * @param {Pass} pass
 * @param {Row} column
 * @param {number} layer
 * @returns {Row} */
export function handOut(pass, column, layer) {
  return Float64Array.from(placed(pass)[layer], (position) => (position < 0 ? NaN : column[position]));
}
