// What the server packs, unpacked: numbers in half precision, deflated, as base64.
import assert from "node:assert/strict";
import test from "node:test";
import { deflateSync } from "node:zlib";

import { put } from "../../vitdemo/ui/tabs/attention/data.js";

function packed(array) {
  return deflateSync(Buffer.from(array.buffer)).toString("base64");
}

test("a layer's attention, its cut-offs, and the exceptions to them", async () => {
  const pass = { attn: [null, null], cuts: [null, null] };
  const halves = Uint16Array.of(0x3c00, 0x3800, 0xc000, 0x0001, 0x0400, 0x7c00, 0x7e00, 0x3555);
  const cuts = Float32Array.from({ length: 57 }, (_, i) => i / 64);
  const both = new Uint8Array([...new Uint8Array(cuts.buffer), ...new Uint8Array(Uint32Array.of(5, 70000).buffer)]);
  await put(pass, 1, { attn: packed(halves), cuts: packed(both) });
  assert.deepEqual([...pass.attn[1]], [1, 0.5, -2, 2 ** -24, 2 ** -14, Infinity, NaN, 0.333251953125]);
  assert.deepEqual([...pass.cuts[1].cuts], [...cuts]);
  assert.deepEqual([...pass.cuts[1].odd], [5, 70000]);
  assert.equal(pass.attn[0], null);
});
