// What features say of patches, of a layer so small that it can be worked out by hand: a 2 x 2 grid without patch 1.
import assert from "node:assert/strict";
import test from "node:test";

import { artefacts, colours, gone, middle, nearest, paintColours, range, similarity, spread } from "../../vitdemo/ui/kit/features/maths.js";

function layer(parts = {}) {
  return {
    patches: Uint16Array.of(0, 2, 3),
    place: Int16Array.of(0, -1, 1, 2),
    components: Float32Array.of(0, 5, 1, 1, 5, 0, 2, 5, -1),
    norms: Float32Array.of(1, 9, 2),
    limit: 8,
    directions: Float32Array.of(1, 0, 0.6, 0.8, 0, -1),
    width: 2,
    ...parts,
  };
}

test("cosines of a patch to those that are there, of the same picture and of another", () => {
  assert.deepEqual([...similarity(layer(), layer(), 2)].map((x) => Math.round(1e6 * x) / 1e6), [0.6, NaN, 1, -0.8]);
  const other = layer({ patches: Uint16Array.of(1), place: Int16Array.of(-1, 0, -1, -1), directions: Float32Array.of(0, 1) });
  assert.deepEqual([...similarity(layer(), other, 3)], [NaN, -1, NaN, NaN]);
});

test("each component is a channel from its low to its high values; one that is constant is grey", () => {
  assert.deepEqual([...colours(layer())], [0, 0.5, 1, 0.5, 0.5, 0.5, 1, 0.5, 0]);
  const pixels = new Uint8ClampedArray(16).fill(7);
  paintColours(pixels, layer(), 0.5);
  assert.deepEqual([...pixels], [0, 128, 255, 128, 0, 0, 0, 0, 128, 128, 128, 128, 255, 128, 0, 128]);
});

test("artefacts, what is gone, and what is nearest", () => {
  assert.deepEqual(artefacts(layer()), [2]);
  assert.deepEqual(gone(layer()), [1]);
  assert.equal(nearest(Float64Array.of(0.6, NaN, 1, -0.8), 2), 0);
  assert.equal(nearest(Float64Array.of(NaN, -1, -2, NaN), null), 1);
  assert.equal(nearest(Float64Array.of(NaN, 1, NaN, NaN), 1), null);
  assert.equal(middle({ patches: Uint16Array.of(0, 3, 5, 8) }, [3, 3]), 3);
});

test("rows over all patches", () => {
  const row = spread(layer(), (index) => layer().norms[index]);
  assert.deepEqual([...row], [1, NaN, 9, 2]);
  assert.deepEqual(range(row), { low: 1, high: 9 });
  assert.deepEqual(range(Float64Array.of(NaN)), { low: 0, high: 1 });
});
