// From the server's text to typed arrays.

const [FUSIONS, RATIOS] = [3, 19]; // as vitdemo/engine/answers/payload.py

/** The result that `payload` describes, its passes decoded as maths.js wants them. */
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
  const { layers, heads, prefix } = payload;
  const [attn, cuts] = [new Array(layers).fill(null), new Array(layers).fill(null)];
  const pass = { layers, heads, prefix, tokens, ids, readout, attn, cuts };
  const sent = coded.attn.map((text, layer) => ({ attn: text, cuts: coded.cuts[layer] }));
  await Promise.all(sent.map((layer, index) => layer.attn && put(pass, index, layer)));
  return pass;
}

/** Puts one layer into its pass. */
export async function put(pass, layer, { attn, cuts }) {
  [pass.cuts[layer], pass.attn[layer]] = await Promise.all([cutOffs(cuts), attention(attn)]);
}

/** The cut-offs of a layer by fusion and discard ratio, and the weights that are exceptions to them. */
async function cutOffs(text) {
  const { buffer } = await inflated(text);
  const size = 4 * FUSIONS * RATIOS;
  return { cuts: new Float32Array(buffer.slice(0, size)), odd: new Uint32Array(buffer.slice(size)) };
}

/** One layer's attention, (heads, n, n) in a row. */
async function attention(text) {
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
