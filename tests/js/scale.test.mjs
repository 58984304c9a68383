// Numbers as colours and words.
import assert from "node:assert/strict";
import test from "node:test";

import { beyond, common, headColours, number, own, paint, paintHeads, strongest, summary, ticks, top } from "../../vitdemo/ui/kit/maps/scale.js";

test("a scale ends at the largest patch of all rows, and never at 0", () => {
  assert.equal(top([[9, 0.1, NaN], null, [9, 0.3, 0.2]], 1), 0.3);
  assert.equal(top([[9, 0, 0]], 1), 0.5);
});

test("one outlier does not end a scale", () => {
  const row = Float64Array.from({ length: 102 }, (_, i) => i); // a token before 1 to 101
  assert.equal(own(row, 1), 101);
  row[101] = 500;
  assert.equal(own(row, 1), 99);
  assert.equal(beyond(row, { prefix: 1, high: 99 }), 2);
  assert.equal(own(Float64Array.of(9, 0, 0, 7, NaN), 1), 7); // more than one patch in fifty is no outlier
});

test("one scale for many maps holds 99 of 100 patches, as numpy counts", () => {
  const rows = [Float64Array.of(9, 1, 2, NaN), null, Float64Array.of(9, 4, NaN, 8)];
  assert.ok(Math.abs(common(rows, 1) - 7.88) < 1e-12);
  assert.equal(common([Float64Array.of(9, 0, 0)], 1), 0.5);
  assert.equal(common([null], 1), 0.5);
  assert.equal(common([Float64Array.of(9, 0.25, 0.25 + 1e-9)], 1), 0.25 + 1e-9); // no outlier, only rounding noise
});

test("each patch belongs to the head that is highest on its own scale", () => {
  const rows = [Float64Array.of(9, 1, 0.2, NaN), Float64Array.of(9, 0.4, 0.375, NaN)];
  const winners = strongest(rows, { prefix: 1, highs: [1, 0.5] });
  assert.deepEqual(winners, [{ head: 0, share: 1 }, { head: 1, share: 0.75 }, null]);
  const pixels = new Uint8ClampedArray(12).fill(7);
  paintHeads(pixels, winners, { colours: [[255, 0, 0], [0, 0, 255]], opacity: 0.5 });
  assert.deepEqual([...pixels], [255, 0, 0, 128, 0, 0, 255, 96, 0, 0, 0, 0]);
  assert.equal(new Set(headColours(12).map(String)).size, 12);
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

test("a patch has the colour of its share of the scale, or of outliers; a dropped one is transparent", () => {
  const palette = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)); // colour i is (i, i, i)
  const pixels = new Uint8ClampedArray(16).fill(7);
  paint(pixels, [9, 0, 0.5, 2, NaN], { prefix: 1, palette, high: 1 });
  assert.deepEqual([...pixels], [0, 0, 0, 255, 128, 128, 128, 255, 74, 222, 128, 255, 0, 0, 0, 0]);
  paint(pixels, [9, 0, 0.5, 1, NaN], { prefix: 1, palette, high: 1, opacity: 0.5 });
  assert.deepEqual([...pixels], [0, 0, 0, 0, 128, 128, 128, 64, 255, 255, 255, 128, 0, 0, 0, 0]);
});
