// @ts-check
// Attention, rollout and per-head rollout of one query: vector-matrix products on a decoded pass.
//
// Results are rows over all positions, NaN where a position has no value. The formulas are those of vitdemo/maps.

/** @import { Look, Pass, Row } from "../../kit/types.d.ts" */

import { gathered, multiply } from "./product.js";
import { ascend, descend, handOut, lifetime, present, startRow } from "./tokens.js";

const FUSIONS = ["mean", "max", "min"];
const STEPS = 20; // steps of the discard ratio from 0 to 1

/** The layer before which the query patch was dropped, if that leaves the look without a start; else null.
 * @param {Pass} pass
 * @param {Look} look
 * @returns {number | null} */
export function droppedBefore(pass, look) {
  if (look.query === null) return null;
  if (METHODS[look.method].followed && look.direction === "in") return null; // it gave its share while it was there
  const life = lifetime(pass, look.query);
  return life <= lastLayer(pass, look) ? life : null;
}

/** The highest layer that a look passes through.
 * @param {Pass} pass
 * @param {Look} look
 * @returns {number} */
export function lastLayer(pass, look) {
  return METHODS[look.method].single ? look.layer : pass.layers - 1;
}

/** The layers whose attention a look needs, the highest first.
 * @param {Pass} pass
 * @param {Look} look
 * @returns {number[]} */
export function layersNeeded(pass, look) {
  if (!METHODS[look.method].followed) return [lastLayer(pass, look)];
  return Array.from({ length: lastLayer(pass, look) + 1 }, (_, index) => lastLayer(pass, look) - index);
}

/** The map of a look, or null where `droppedBefore` says that it has no start.
 * @param {Pass} pass
 * @param {Look} look
 * @returns {Row | null} */
export function explain(pass, look) {
  if (droppedBefore(pass, look) !== null) return null;
  return METHODS[look.method].map(pass, look);
}

function rawAttention(pass, look) {
  const { layer, direction } = look;
  const row = step(pass, startRow(pass, look.query, layer), chosen(pass, look), layer, direction === "in");
  return direction === "in" ? handOut(pass, row, layer) : present(pass, descend(pass, row, layer, -1), layer);
}

function attentionRollout(pass, look) {
  const last = pass.layers - 1;
  if (look.direction === "out") return pushDown(pass, startRow(pass, look.query, last), last, look);
  return handOut(pass, pullUp(pass, startRow(pass, look.query, -1), 0, pass.layers, look), last);
}

function headRollout(pass, look) {
  const { layer, direction, query } = look;
  if (direction === "in") return askers(pass, look, pullUp(pass, startRow(pass, query, -1), 0, layer, look));
  const row = step(pass, startRow(pass, query, layer), chosen(pass, look), layer, false);
  return pushDown(pass, descend(pass, row, layer, layer - 1), layer - 1, look);
}

/** What each token takes by the look's head alone, of `column` over what left the layer below. */
function askers(pass, look, column) {
  const { layer } = look;
  return handOut(pass, step(pass, ascend(pass, column, layer), chosen(pass, look), layer, true), layer);
}

/** How each method that METHODS in Python marks `in_browser` is computed. `single`: it is of one layer, and of
 * one head or all; else of all layers. `followed`: back through the layers below.
 * @type {Record<string, { single: boolean, followed: boolean, map: (pass: Pass, look: Look) => Row }>} */
export const METHODS = {
  "raw-attention": { single: true, followed: false, map: rawAttention },
  "attention-rollout": { single: false, followed: true, map: attentionRollout },
  "head-rollout": { single: true, followed: true, map: headRollout },
};

/** What shows all layers and heads at once: the method itself, or where it has no single ones per-head rollout.
 * @param {Pick<Look, "method">} look
 * @returns {string} */
export function methodOfAll({ method }) {
  return METHODS[method].single ? method : "head-rollout";
}

/** The maps of all heads, fused first, of every layer: [layer][head + 1], null where the look has no start or
 * a layer is not there yet.
 * @param {Pass} pass
 * @param {Look} look
 * @returns {(Row | null)[][]} */
export function explainAll(pass, look) {
  const method = methodOfAll(look);
  const inward = look.direction === "in";
  let below = startRow(pass, look.query, -1);
  const rows = [];
  for (let layer = 0; layer < pass.layers; layer++) {
    const here = { ...look, method, layer };
    const ready = layersNeeded(pass, here).every((needed) => pass.attn[needed]);
    const heads = Array.from({ length: pass.heads + 1 }, (_, index) => (index ? index - 1 : null));
    if (!ready) {
      rows.push(heads.map(() => null));
    } else if (inward && method === "head-rollout") { // what lies below is the same for all heads
      if (layer) below = pullUp(pass, below, layer - 1, layer, look);
      rows.push(heads.map((head) => askers(pass, { ...here, head }, below)));
    } else {
      rows.push(heads.map((head) => explain(pass, { ...here, head })));
    }
  }
  return rows;
}

/** One head's matrix of a layer; a view, not a copy. */
function headOf(pass, layer, head) {
  const size = pass.ids[layer].length ** 2;
  return pass.attn[layer].subarray(head * size, (head + 1) * size);
}

/** The matrix of the look's head, or of all heads of its layer fused. */
function chosen(pass, { layer, head, fusion }) {
  return head === null ? fused(pass, layer, fusion) : headOf(pass, layer, head);
}

/** The heads of a layer as one matrix, entry by entry; kept, since every hover asks for it. */
function fused(pass, layer, fusion) {
  return remembered(pass, `fused ${layer} ${fusion}`, () => {
    const { heads } = pass;
    const size = pass.ids[layer].length ** 2;
    const result = Float64Array.from(headOf(pass, layer, 0)); // sums of halves are exact, as on the server
    for (let head = 1; head < heads; head++) {
      const matrix = headOf(pass, layer, head);
      for (let i = 0; i < size; i++) {
        if (fusion === "mean") result[i] += matrix[i];
        else result[i] = fusion === "max" ? Math.max(result[i], matrix[i]) : Math.min(result[i], matrix[i]);
      }
    }
    return new Float32Array(fusion === "mean" ? result.map((value) => value / heads) : result);
  });
}

/** `fused` with its weakest entries 0: the very ones that Python finds in single precision. */
function thinned(pass, layer, { fusion, discard_ratio }) {
  const [n, whole, { cuts, odd }] = [pass.ids[layer].length, fused(pass, layer, fusion), pass.cuts[layer]];
  const [index, step] = [FUSIONS.indexOf(fusion), Math.round(discard_ratio * STEPS) - 1];
  const lowestKept = cuts[index * (STEPS - 1) + step];
  const result = whole.slice();
  for (let start = 0; start < n * n; start += n) {
    for (let i = start + pass.prefix; i < start + n; i++) if (result[i] < lowestKept) result[i] = 0;
  }
  for (const code of odd) { // half precision puts these on the wrong side of some cut-off
    const [place, lives] = [Math.floor(code / 32) - index * n * n, code % 32];
    if (place >= 0 && place < n * n) result[place] = lives > step ? whole[place] : 0;
  }
  return result;
}

/** rownorm(A + I) of a layer as { matrix: A, scale: 1 / (1 + row sums) }, its weakest entries discarded. */
function linked(pass, layer, { fusion, discard_ratio }) {
  return remembered(pass, `linked ${layer} ${fusion} ${discard_ratio}`, () => {
    const n = pass.ids[layer].length;
    const matrix = discard_ratio ? thinned(pass, layer, { fusion, discard_ratio }) : fused(pass, layer, fusion);
    const scale = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      let sum = 1;
      for (let j = 0; j < n; j++) sum += matrix[i * n + j];
      scale[i] = 1 / sum;
    }
    return { matrix, scale };
  });
}

/** `row @ matrix`, or with `inward` `matrix @ row`, on the tokens present at `layer`; zero elsewhere. */
function step(pass, row, matrix, layer, inward) {
  const ids = pass.ids[layer];
  const result = new Float64Array(pass.tokens);
  const product = multiply(gathered(row, ids), matrix, inward);
  ids.forEach((id, index) => { result[id] = product[index]; });
  return result;
}

/** `row @ R` over the input, where R is the rollout of the layers up to `top`. `row`: over what leaves that. */
function pushDown(pass, row, top, look) {
  /** @type {Row} */
  let result = Float64Array.from(row);
  for (let layer = top; layer >= 0; layer--) {
    const ids = pass.ids[layer];
    const { matrix, scale } = linked(pass, layer, look);
    const share = gathered(result, ids);
    for (let i = 0; i < share.length; i++) share[i] *= scale[i];
    const product = multiply(share, matrix, false);
    ids.forEach((id, index) => { result[id] = product[index] + share[index]; });
    result = descend(pass, result, layer, layer - 1);
  }
  return present(pass, result, 0);
}

/** `R @ column`, where R is the rollout of the layers from `bottom` up to but not including `top`. */
function pullUp(pass, column, bottom, top, look) {
  /** @type {Row} */
  let result = Float64Array.from(column);
  for (let layer = bottom; layer < top; layer++) {
    result = ascend(pass, result, layer);
    const ids = pass.ids[layer];
    const { matrix, scale } = linked(pass, layer, look);
    const local = gathered(result, ids);
    const product = multiply(local, matrix, true);
    ids.forEach((id, index) => { result[id] = scale[index] * (product[index] + local[index]); });
  }
  return result;
}

const LIMIT = 64; // matrices kept a pass: those of two settings of a deep network
const memories = new WeakMap();

/** What `make` gave when it was last asked for under `key`. */
function remembered(pass, key, make) {
  if (!memories.has(pass)) memories.set(pass, new Map());
  const memory = memories.get(pass);
  if (!memory.has(key)) {
    memory.set(key, make());
    if (memory.size > LIMIT) memory.delete(memory.keys().next().value);
  }
  return memory.get(key);
}
