// Products of a vector and a matrix against the plain double sum.
import assert from "node:assert/strict";
import test from "node:test";

import { gathered, multiply } from "../../vitdemo/ui/tabs/attention/product.js";

for (const n of [1, 4, 7]) {
  test(`both sides of a matrix of ${n} rows`, () => {
    const vector = Float64Array.from({ length: n }, (_, i) => (i === 1 ? 0 : i - 2)); // whole numbers: exact sums
    const matrix = Float32Array.from({ length: n * n }, (_, i) => (i * 7) % 11);
    for (let k = 0; k < n; k++) {
      let [row, column] = [0, 0];
      for (let i = 0; i < n; i++) {
        row += vector[i] * matrix[i * n + k];
        column += matrix[k * n + i] * vector[i];
      }
      assert.equal(multiply(vector, matrix, false)[k], row);
      assert.equal(multiply(vector, matrix, true)[k], column);
    }
  });
}

test("the part of a row on some tokens", () => {
  assert.deepEqual(gathered([5, 6, 7, 8], [0, 3]), Float64Array.of(5, 8));
});
