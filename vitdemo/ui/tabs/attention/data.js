// @ts-check
// From the server's text to what maths.js wants.

/** @import { Pass } from "../../kit/types.d.ts" */

import { halves, inflated, unpack } from "../../kit/maps/unpack.js";

const [FUSIONS, RATIOS] = [3, 19]; // as vitdemo/engine/answers/payload.py

/** The result that `payload` describes, its passes decoded. */
export function decode(payload) {
  return unpack(payload, (coded) => decodePass(payload, coded));
}

async function decodePass(payload, coded) {
  const tokens = payload.prefix + payload.grid[0] * payload.grid[1];
  const all = new Uint16Array((await inflated(coded.token_ids)).buffer);
  const kept = new Float32Array((await inflated(coded.readout)).buffer);
  let end = 0;
  const ids = coded.counts.map((count) => all.subarray(end, (end += count)));
  const readout = new Float32Array(tokens);
  ids[ids.length - 1].forEach((id, index) => { readout[id] = kept[index]; });
  const { layers, heads, prefix } = payload;
  const mixes = await Promise.all(coded.mixes.map((mix) => mix && decodeMix(mix)));
  const [attn, cuts] = [new Array(layers).fill(null), new Array(layers).fill(null)];
  const pass = { layers, heads, prefix, tokens, ids, mixes, readout, attn, cuts };
  const sent = coded.attn.map((text, layer) => ({ attn: text, cuts: coded.cuts[layer] }));
  await Promise.all(sent.map((layer, index) => layer.attn && put(pass, index, layer)));
  return pass;
}

/** How the tokens of a layer are made of those before. */
async function decodeMix({ holders, weights }) {
  return { holders: new Uint16Array((await inflated(holders)).buffer), weights: new Float32Array((await inflated(weights)).buffer) };
}

/** Puts one layer into its pass.
 * @param {Pass} pass
 * @param {number} layer
 * @param {{ attn: string, cuts: string }} sent */
export async function put(pass, layer, { attn, cuts }) {
  [pass.cuts[layer], pass.attn[layer]] = await Promise.all([cutOffs(cuts), halves(attn)]);
}

/** The cut-offs of a layer by fusion and discard ratio, and the weights that are exceptions to them. */
async function cutOffs(text) {
  const { buffer } = await inflated(text);
  const size = 4 * FUSIONS * RATIOS;
  return { cuts: new Float32Array(buffer.slice(0, size)), odd: new Uint32Array(buffer.slice(size)) };
}

/** The layers of a pass that are not here yet.
 * @param {Pass} pass
 * @returns {number[]} */
export function missing(pass) {
  return pass.attn.flatMap((attn, layer) => (attn ? [] : [layer]));
}

/** What to ask for, each a [pass, layer]: `urgent` layers of the pass `shown`, then its others, then those of the
 * other pass, which a visitor may want to see next.
 * @param {{ passes: Record<string, Pass> }} data
 * @param {string} shown
 * @param {number[]} urgent
 * @returns {[string, number][]} */
export function wanted({ passes }, shown, urgent) {
  /** @type {(pass: string, layers: number[]) => [string, number][]} */
  const each = (pass, layers) => layers.map((layer) => [pass, layer]);
  return [...each(shown, urgent), ...[shown, ...Object.keys(passes)].flatMap((pass) => each(pass, missing(passes[pass])))];
}
