// @ts-check
// Pictures larger than the server takes are made smaller before gradio sees them. The canvas turns them upright, as
// their EXIF says.

const EDGE = 2048; // pixels on the long edge; no network looks at more
const QUALITY = 0.92;
const passed = new WeakSet(); // events that bring what is small enough

/** Looks after all files that are chosen, or dropped on the page, from now on. `limit` in bytes. `tell(file, done)` is
 * called for each one above it: whether it could be made smaller; else it is left out.
 * @param {{ limit: number, tell: (file: File, done: boolean) => void }} options */
export function shrinkLarge({ limit, tell }) {
  /** The event again with files that the server takes, if there are any; `make` puts them into a new one. */
  async function again(event, files, make) {
    if (passed.has(event) || ![...files].some((file) => file.size > limit)) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    const { target } = event;
    const list = new DataTransfer();
    for (const file of [...files]) {
      const fitting = file.size > limit ? await smaller(file) : file;
      if (fitting !== file) tell(file, Boolean(fitting));
      if (fitting) list.items.add(fitting);
    }
    if (list.files.length === 0) return;
    const next = make(list);
    passed.add(next);
    target.dispatchEvent(next);
  }

  window.addEventListener("change", (event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement && input.type === "file")) return;
    again(event, input.files, (list) => {
      input.files = list.files;
      return new Event("change", { bubbles: true });
    });
  }, true);

  window.addEventListener("drop", (event) => {
    const dropped = (list) => new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: list });
    again(event, event.dataTransfer.files, dropped);
  }, true);
}

/** The picture at `EDGE` pixels or less; null for what this browser cannot read. */
async function smaller(file) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => null);
  if (!picture) return null;
  const factor = Math.min(1, EDGE / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture.width, picture.height].map((length) => Math.round(factor * length) || 1);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  const kind = file.type === "image/jpeg" ? file.type : "image/webp"; // the others may be transparent
  const blob = await new Promise((done) => { canvas.toBlob(done, kind, QUALITY); });
  return new File([blob], `${file.name.replace(/\.\w+$/, "")}.${blob.type.split("/")[1]}`, { type: blob.type });
}
