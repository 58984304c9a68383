// From the server's text to typed arrays.

/** The result that `payload` describes, its passes decoded as explorer-math.js wants them. */
export async function decode(payload) {
  const [view, names] = [await loaded(payload.view), Object.keys(payload.passes)];
  const passes = await Promise.all(names.map((name) => decodePass(payload, payload.passes[name])));
  return {
    ...payload,
    view,
    source: payload.view,
    palette: Uint8Array.from(atob(payload.palette), (c) => c.charCodeAt(0)),
    passes: Object.fromEntries(names.map((name, index) => [name, passes[index]])),
  };
}

async function decodePass(payload, coded) {
  const tokens = payload.prefix + payload.grid[0] * payload.grid[1];
  const all = new Uint16Array((await inflated(coded.token_ids)).buffer);
  const kept = new Float32Array((await inflated(coded.readout)).buffer);
  let end = 0;
  const ids = coded.counts.map((count) => all.subarray(end, (end += count)));
  const readout = new Float32Array(tokens);
  ids[ids.length - 1].forEach((id, index) => { readout[id] = kept[index]; });
  const attn = await Promise.all(coded.attn.map((text) => (text === null ? null : attention(text))));
  return { layers: payload.layers, heads: payload.heads, prefix: payload.prefix, tokens, ids, readout, attn };
}

/** One layer's attention, (heads, n, n) in a row. */
export async function attention(text) {
  const halves = new Uint16Array((await inflated(text)).buffer);
  const table = floats();
  return Float32Array.from(halves, (half) => table[half]);
}

async function inflated(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

let table = null;

/** The value of each of the 65,536 half-precision numbers: not every browser has Float16Array. */
function floats() {
  if (table) return table;
  table = new Float32Array(65536);
  for (let half = 0; half < 65536; half++) {
    const exponent = (half >> 10) & 31;
    const fraction = (half & 1023) / 1024;
    let size = exponent ? 2 ** (exponent - 15) * (1 + fraction) : 2 ** -14 * fraction;
    if (exponent === 31) size = fraction ? NaN : Infinity;
    table[half] = half & 32768 ? -size : size;
  }
  return table;
}

async function loaded(source) {
  const image = new Image();
  image.src = source;
  await image.decode();
  return image;
}
