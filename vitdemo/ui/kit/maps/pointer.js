// @ts-check
// The patch under the pointer, the finger or the keyboard.

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** Tells `attention` (point, pin, change) what happens on the canvas of `picture`.
 * @param {import("./picture.js").Picture} picture
 * @param {import("./tab.js").MapTab} attention */
export function listen(picture, attention) {
  const { canvas } = picture;
  const patchAt = (event) => (attention.data ? picture.patchAt(event) : null);
  canvas.addEventListener("pointermove", (event) => attention.point(patchAt(event)));
  canvas.addEventListener("pointerleave", () => attention.point(null));
  canvas.addEventListener("blur", () => attention.point(null));
  canvas.addEventListener("click", (event) => {
    const patch = patchAt(event);
    if (patch !== null) attention.pin(patch);
  });
  canvas.addEventListener("keydown", (event) => {
    if (attention.data && pressed(event.key, attention)) event.preventDefault();
  });
}

/** Whether the key meant something. */
function pressed(key, attention) {
  const at = attention.hover ?? attention.state.query;
  if (MOVES[key]) attention.point(neighbour(at, MOVES[key], attention.data.grid));
  else if ((key === "Enter" || key === " ") && at !== null) attention.pin(at);
  else if (key === "Escape") attention.release();
  else return false;
  return true;
}

/** The patch one move away, at the edge the same; the first move goes to the middle. */
function neighbour(patch, [down, right], [gh, gw]) {
  if (patch === null) return Math.floor(gh / 2) * gw + Math.floor(gw / 2);
  const row = Math.min(Math.max(Math.floor(patch / gw) + down, 0), gh - 1);
  const column = Math.min(Math.max((patch % gw) + right, 0), gw - 1);
  return row * gw + column;
}
