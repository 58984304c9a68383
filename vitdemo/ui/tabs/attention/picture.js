// The main canvas: the picture that the model saw, coloured patch by patch.

import { INK, paint } from "./scale.js";

const MARK = "rgb(0 229 255)";

export class Picture {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.faded = document.createElement("canvas");
    this.hatch = document.createElement("canvas");
    this.heat = document.createElement("canvas");
  }

  /** Another result: its view becomes the ground. */
  open({ view, grid, prefix, palette }) {
    Object.assign(this, { view, grid, prefix, palette });
    const { canvas, faded, hatch, heat } = this;
    for (const layer of [canvas, faded, hatch]) {
      if (layer.width !== view.naturalWidth) layer.width = view.naturalWidth;
      if (layer.height !== view.naturalHeight) layer.height = view.naturalHeight;
    }
    [heat.height, heat.width] = grid;
    this.pixels = new ImageData(heat.width, heat.height);
    this.fade();
    this.context.drawImage(view, 0, 0);
  }

  /** The looks of a patch that was dropped: pale grey with lines where it has no value, else lines alone. */
  fade() {
    const { width, height } = this.canvas;
    const pitch = Math.min(12, Math.max(4, Math.floor(Math.min(width / this.grid[1], height / this.grid[0]) / 3)));
    const line = Math.max(1, Math.floor(pitch / 6));
    const context = this.faded.getContext("2d", { willReadFrequently: true });
    context.drawImage(this.view, 0, 0, width, height);
    const pixels = context.getImageData(0, 0, width, height);
    const lines = new ImageData(width, height);
    for (let at = 0, i = 0; i < width * height; i++, at += 4) {
      const [r, g, b] = pixels.data.subarray(at, at + 3);
      const struck = ((i % width) + Math.floor(i / width)) % pitch < line;
      const grey = (0.4 * (0.299 * r + 0.587 * g + 0.114 * b) + 118) * (struck ? 0.75 : 1);
      pixels.data.set([grey, grey, grey], at);
      if (struck) lines.data.set([255, 255, 255, 110], at);
    }
    context.putImageData(pixels, 0, 0);
    this.hatch.getContext("2d").putImageData(lines, 0, 0);
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

  /** `row`: the map or null; `gone`: patches that were dropped; `query`, `cursor`: patches to frame or null. */
  draw({ row, gone, high, opacity, query, cursor }) {
    const { context, canvas } = this;
    context.globalAlpha = 1;
    context.drawImage(this.view, 0, 0, canvas.width, canvas.height);
    if (row) {
      paint(this.pixels.data, row, { prefix: this.prefix, palette: this.palette, high });
      this.heat.getContext("2d").putImageData(this.pixels, 0, 0);
      context.imageSmoothingEnabled = false;
      context.globalAlpha = opacity;
      context.drawImage(this.heat, 0, 0, canvas.width, canvas.height);
      context.globalAlpha = 1;
    }
    for (const patch of gone) {
      const box = this.box(patch);
      const empty = !row || Number.isNaN(row[patch + this.prefix]);
      context.drawImage(empty ? this.faded : this.hatch, ...box, ...box);
    }
    if (query !== null) this.frame(query, MARK, 4);
    if (cursor !== null && cursor !== query) this.frame(cursor, "white", 2);
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
