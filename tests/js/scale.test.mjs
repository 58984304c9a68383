// Numbers as colours and words.
import assert from "node:assert/strict";
import test from "node:test";

import { number, paint, summary, ticks, top } from "../../vitdemo/ui/tabs/attention/scale.js";

test("a scale ends at the largest patch of all rows, and never at 0", () => {
  assert.equal(top([[9, 0.1, NaN], null, [9, 0.3, 0.2]], 1), 0.3);
  assert.equal(top([[9, 0, 0]], 1), 0.5);
});

test("decimals tell the ticks apart", () => {
  assert.deepEqual(ticks(0.3), ["0.000", "0.150", "0.300"]);
  assert.deepEqual(ticks(20), ["0.0", "10.0", "20.0"]);
  assert.equal(number(0.00000012, 0.0000002), "1.20e-7");
});

test("the sum is that of the patches; prefix tokens are apart, dropped ones do not count", () => {
  assert.deepEqual(summary([0.5, 0.1, NaN, 0.4], 1), { total: 0.5, best: 2, before: 0.5 });
  assert.deepEqual(summary([0.5, NaN], 1), { total: 0, best: -1, before: 0.5 });
});

test("a patch has the colour of its share of the scale; a dropped one is transparent", () => {
  const palette = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)); // colour i is (i, i, i)
  const pixels = new Uint8ClampedArray(16).fill(7);
  paint(pixels, [9, 0, 0.5, 2, NaN], { prefix: 1, palette, high: 1 });
  assert.deepEqual([...pixels], [0, 0, 0, 255, 128, 128, 128, 255, 255, 255, 255, 255, 0, 0, 0, 0]);
});
