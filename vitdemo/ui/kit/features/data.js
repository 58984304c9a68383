// @ts-check
// From the server's text to what maths.js wants.

/** @import { Layer } from "../types.d.ts" */

import { halves, inflated, unpack } from "../maps/unpack.js";

/** The result that `payload` describes: `passes` are lists of layers. */
export function decode(payload) {
  return unpack(payload, (coded) => decodePass(coded, payload.grid));
}

async function decodePass({ counts, ids, components, norms, limits }, [gh, gw]) {
  const [patches, parts, lengths] = await Promise.all([ids, components, norms].map(inflated));
  const all = { patches: new Uint16Array(patches.buffer), norms: new Float32Array(lengths.buffer) };
  const scores = new Float32Array(parts.buffer);
  let end = 0;
  return counts.map((count, layer) => {
    const [start, stop] = [end, (end += count)];
    const place = new Int16Array(gh * gw).fill(-1);
    const here = all.patches.subarray(start, stop);
    here.forEach((patch, index) => { place[patch] = index; });
    return {
      patches: here,
      place,
      components: scores.subarray(3 * start, 3 * stop),
      norms: all.norms.subarray(start, stop),
      limit: limits[layer],
      directions: null,
      width: 0,
    };
  });
}

/** Puts the features of a layer into it.
 * @param {Layer} layer
 * @param {{ directions: string }} sent */
export async function put(layer, { directions }) {
  layer.directions = await halves(directions);
  layer.width = layer.directions.length / layer.patches.length;
}
