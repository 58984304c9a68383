// The maps of a pass so small that each can be worked out by hand: a class token and two patches, two layers
// of two heads; patch 0 is dropped before layer 1.
import assert from "node:assert/strict";
import test from "node:test";

import { droppedBefore, explain, explainAll, layersNeeded } from "../../vitdemo/ui/tabs/attention/maths.js";
import { absent, lifetime } from "../../vitdemo/ui/tabs/attention/tokens.js";

const FIRST = { method: "attention-rollout", direction: "out", layer: 1, head: null, query: null, fusion: "mean", discard_ratio: 0 };
const LOW = [0.5, 0.25, 0.25, 0, 1, 0, 0.5, 0, 0.5, 0.5, 0.25, 0.25, 1, 0, 0, 0, 0.5, 0.5]; // two heads of layer 0
const HIGH = [0.5, 0.5, 0, 1, 1, 0, 1, 0]; // of layer 1, whose tokens are 0 and 2

function pass() {
  return {
    layers: 2,
    heads: 2,
    prefix: 1,
    tokens: 3,
    ids: [[0, 1, 2], [0, 2]],
    mixes: [null, null],
    readout: Float32Array.of(1, 0, 0),
    attn: [Float32Array.from(LOW), Float32Array.from(HIGH)],
    cuts: [null, null],
  };
}

function map(look, of = pass()) {
  return Array.from(explain(of, { ...FIRST, ...look }));
}

test("raw attention is the row of the query, of one head or of all", () => {
  assert.deepEqual(map({ method: "raw-attention", layer: 0 }), [0.5, 0.25, 0.25]);
  assert.deepEqual(map({ method: "raw-attention", layer: 0, query: 1 }), [0.25, 0.25, 0.5]);
  assert.deepEqual(map({ method: "raw-attention", layer: 0, query: 1, fusion: "max" }), [0.5, 0.5, 0.5]);
  assert.deepEqual(map({ method: "raw-attention", layer: 0, query: 1, fusion: "min" }), [0, 0, 0.5]);
  assert.deepEqual(map({ method: "raw-attention", head: 0 }), [0.5, NaN, 0.5]);
});

test("rollout gives a dropped patch the credit it had before, and sums to 1", () => {
  assert.deepEqual(map({}), [0.671875, 0.125, 0.203125]);
});

test("rollout looked at from the other side is a column of the same matrix", () => {
  assert.deepEqual(map({ direction: "in" }), [0.671875, NaN, 0.28125]);
});

test("per-head rollout follows one head back to the input", () => {
  assert.deepEqual(map({ method: "head-rollout", head: 1 }), [0.75, 0.125, 0.125]);
});

test("the weakest weights are discarded, but for those that half precision puts on the wrong side", () => {
  const cuts = new Float32Array(3 * 19);
  cuts[9] = 0.3; // mean, half of them
  const one = { ...pass(), layers: 1, cuts: [{ cuts, odd: new Uint32Array() }] };
  assert.deepEqual(map({ discard_ratio: 0.5 }, one), [1, 0, 0]);
  const odd = { ...one, cuts: [{ cuts, odd: Uint32Array.of(1 * 32 + 15) }] };
  assert.deepEqual(map({ discard_ratio: 0.5 }, odd), [1.5 / 1.75, 0.25 / 1.75, 0]);
});

test("a look that starts from a dropped patch has no map", () => {
  assert.equal(lifetime(pass(), 0), 1);
  assert.equal(lifetime(pass(), 1), 2);
  assert.equal(droppedBefore(pass(), { ...FIRST, query: 0 }), 1);
  assert.equal(explain(pass(), { ...FIRST, query: 0 }), null);
  assert.equal(droppedBefore(pass(), { ...FIRST, query: 0, direction: "in" }), null);
  assert.deepEqual(absent(pass(), 1), [0]);
});

test("all maps at once are those of one at a time, as far as their layers are there", () => {
  for (const direction of ["out", "in"]) {
    const look = { ...FIRST, method: "head-rollout", direction };
    const rows = explainAll(pass(), look);
    for (const layer of [0, 1]) {
      for (const head of [null, 0, 1]) {
        assert.deepEqual(rows[layer][head === null ? 0 : head + 1], explain(pass(), { ...look, layer, head }));
      }
    }
  }
  const half = { ...pass(), attn: [pass().attn[0], null] };
  assert.deepEqual(explainAll(half, FIRST)[1], [null, null, null]);
  assert.deepEqual(layersNeeded(half, FIRST), [1, 0]);
});
