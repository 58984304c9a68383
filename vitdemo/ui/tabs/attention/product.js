// @ts-check
// Vector-matrix products: nearly all that an answer costs.

/** @import { Row } from "../../kit/types.d.ts" */

/** The part of `row` on the tokens `ids`; a loop, for `from` with a function takes ten times as long.
 * @param {Row} row
 * @param {Uint16Array} ids
 * @returns {Row} */
export function gathered(row, ids) {
  const result = new Float64Array(ids.length);
  for (let i = 0; i < ids.length; i++) result[i] = row[ids[i]];
  return result;
}

/** `vector @ matrix`, or with `inward` `matrix @ vector`; the matrix is square, row by row.
 * @param {Row} vector
 * @param {Float32Array} matrix
 * @param {boolean} inward
 * @returns {Row} */
export function multiply(vector, matrix, inward) {
  return inward ? columnProduct(matrix, vector) : rowProduct(vector, matrix);
}

function columnProduct(matrix, vector) {
  const n = vector.length;
  const result = new Float64Array(n);
  for (let i = 0, at = 0; i < n; i++) {
    let sum = 0;
    for (let j = 0; j < n; j++, at++) sum += matrix[at] * vector[j];
    result[i] = sum;
  }
  return result;
}

/** Four rows of the matrix at a time: a third of the time, and most of what a hover costs. */
function rowProduct(vector, matrix) {
  const n = vector.length;
  const result = new Float64Array(n);
  let i = 0;
  for (; i + 3 < n; i += 4) {
    const [a, b, c, d] = [i * n, (i + 1) * n, (i + 2) * n, (i + 3) * n];
    const [p, q, r, s] = [vector[i], vector[i + 1], vector[i + 2], vector[i + 3]];
    if (p === 0 && q === 0 && r === 0 && s === 0) continue;
    for (let j = 0; j < n; j++) {
      result[j] += p * matrix[a + j] + q * matrix[b + j] + r * matrix[c + j] + s * matrix[d + j];
    }
  }
  for (; i < n; i++) for (let j = 0; j < n; j++) result[j] += vector[i] * matrix[i * n + j];
  return result;
}
