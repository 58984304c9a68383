// @ts-check
// The main canvas: the picture that the model saw, coloured patch by patch.

import { INK } from "./scale.js";

const MARK = "rgb(0 229 255)";

export class Picture {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.faded = document.createElement("canvas");
    this.heat = document.createElement("canvas");
  }

  /** Another result: its view becomes the ground. */
  open({ view, grid }) {
    this.view = view;
    this.grid = grid;
    const { canvas, faded, heat } = this;
    for (const layer of [canvas, faded]) {
      if (layer.width !== view.naturalWidth) layer.width = view.naturalWidth;
      if (layer.height !== view.naturalHeight) layer.height = view.naturalHeight;
    }
    [heat.height, heat.width] = grid;
    this.pixels = new ImageData(heat.width, heat.height);
    this.fade();
    this.context.drawImage(view, 0, 0);
  }

  /** The look of a patch that was dropped, as the Tokens tab has it: pale grey with white edges. */
  fade() {
    const { width, height } = this.canvas;
    const context = this.faded.getContext("2d", { willReadFrequently: true });
    context.drawImage(this.view, 0, 0, width, height);
    const pixels = context.getImageData(0, 0, width, height);
    for (let at = 0; at < pixels.data.length; at += 4) {
      const [r, g, b] = pixels.data.subarray(at, at + 3);
      const grey = 0.4 * (0.299 * r + 0.587 * g + 0.114 * b) + 118;
      pixels.data.set([grey, grey, grey], at);
    }
    context.putImageData(pixels, 0, 0);
    context.fillStyle = "white";
    for (let patch = 0; patch < this.grid[0] * this.grid[1]; patch++) {
      const [x, y, w, h] = this.box(patch);
      context.fillRect(x, y, w, 1);
      context.fillRect(x, y, 1, h);
    }
  }

  /** The pixels [left, top, width, height] of a patch. */
  box(patch) {
    const { width, height } = this.canvas;
    const [gh, gw] = this.grid;
    const [row, column] = [Math.floor(patch / gw), patch % gw];
    const [x, y] = [Math.floor((column * width) / gw), Math.floor((row * height) / gh)];
    return [x, y, Math.floor(((column + 1) * width) / gw) - x, Math.floor(((row + 1) * height) / gh) - y];
  }

  /** The patch under a pointer event, or null outside. */
  patchAt(event) {
    const bounds = this.canvas.getBoundingClientRect();
    const [gh, gw] = this.grid;
    const column = Math.floor(((event.clientX - bounds.left) / bounds.width) * gw);
    const row = Math.floor(((event.clientY - bounds.top) / bounds.height) * gh);
    return row >= 0 && row < gh && column >= 0 && column < gw ? row * gw + column : null;
  }

  /** `fill` writes the colours, RGBA a patch, or is null; `gone`: patches that were dropped, and those of them
   * that have no value; `smooth`: colours blend between patches; `query`, `cursor`: patches to frame or null. */
  draw({ fill, gone, empty, smooth, query, cursor }) {
    const { context, canvas } = this;
    context.drawImage(this.view, 0, 0, canvas.width, canvas.height);
    this.grey(gone);
    if (fill) {
      fill(this.pixels.data);
      this.heat.getContext("2d").putImageData(this.pixels, 0, 0);
      context.imageSmoothingEnabled = smooth;
      context.drawImage(this.heat, 0, 0, canvas.width, canvas.height);
      if (smooth) this.grey(empty); // what their neighbours lent them
    }
    if (query !== null) this.frame(query, MARK, 4);
    if (cursor !== null && cursor !== query) this.frame(cursor, "white", 2);
  }

  /** Makes patches look dropped, or on their way there by a `share` of 1. */
  grey(patches, share = 1) {
    this.context.globalAlpha = share;
    for (const patch of patches) {
      const box = this.box(patch);
      this.context.drawImage(this.faded, ...box, ...box);
    }
    this.context.globalAlpha = 1;
  }

  frame(patch, colour, width) {
    const [x, y, w, h] = this.box(patch);
    const inset = width / 2 + 1;
    for (const [style, thick] of [[INK, width + 2], [colour, width]]) {
      this.context.strokeStyle = style;
      this.context.lineWidth = thick;
      this.context.strokeRect(x + inset, y + inset, w - 2 * inset, h - 2 * inset);
    }
  }
}
