// @ts-check
// From the server's packed text to typed arrays and pictures.

/** The result that `payload` describes, each of its passes as `decodePass` makes it. */
export async function unpack(payload, decodePass) {
  const [view, names] = [await loaded(payload.view), Object.keys(payload.passes)];
  const passes = await Promise.all(names.map((name) => decodePass(payload.passes[name])));
  return {
    ...payload,
    view,
    source: payload.view,
    palette: Uint8Array.from(atob(payload.palette), (c) => c.charCodeAt(0)),
    passes: Object.fromEntries(names.map((name, index) => [name, passes[index]])),
  };
}

/** The bytes of `text`: deflated (zlib format), in base64.
 * @param {string} text
 * @returns {Promise<Uint8Array<ArrayBuffer>>} */
export async function inflated(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** As `inflated`, numbers in half precision.
 * @param {string} text
 * @returns {Promise<Float32Array>} */
export async function halves(text) {
  const numbers = new Uint16Array((await inflated(text)).buffer);
  const table = floats();
  return Float32Array.from(numbers, (half) => table[half]);
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

/** The picture at the address `source`.
 * @param {string} source
 * @returns {Promise<HTMLImageElement>} */
export async function loaded(source) {
  const image = new Image();
  image.src = source;
  await image.decode();
  return image;
}
