// @ts-check
// Every layer at once: a button with a tiny canvas for each, one pixel a patch. The slider does the same for the keyboard.

import { paint } from "../maps/scale.js";
import * as math from "./maths.js";

export class Layers {
  /** `choose(layer)` is called for a click. */
  constructor(root, { choose }) {
    this.root = root;
    this.choose = choose;
    this.drawn = null;
  }

  /** Another result: a button for each of its layers. */
  open({ layers, grid, palette }) {
    this.palette = palette;
    this.drawn = null;
    this.pixels = new ImageData(grid[1], grid[0]);
    this.cells = Array.from({ length: layers }, (_, layer) => {
      const button = Object.assign(document.createElement("button"), { type: "button", tabIndex: -1 });
      const canvas = document.createElement("canvas");
      [canvas.height, canvas.width] = grid;
      button.append(canvas, String(layer));
      button.addEventListener("click", () => this.choose(layer));
      return { button, context: canvas.getContext("2d") };
    });
    this.root.replaceChildren(...this.cells.map(({ button }) => button));
  }

  /** Draws the layers of a pass, if they are not there, and marks that of the state. */
  draw(layers, { layer: shown, view }) {
    this.cells.forEach(({ button }, layer) => { button.dataset.shown = String(layer === shown); });
    if (this.drawn?.layers === layers && this.drawn.view === view) return;
    this.drawn = { layers, view };
    layers.forEach((layer, index) => {
      if (view === "norms") this.norms(layer);
      else math.paintColours(this.pixels.data, layer, 1);
      this.cells[index].context.putImageData(this.pixels, 0, 0);
    });
  }

  norms(layer) {
    const row = math.spread(layer, (index) => layer.norms[index]);
    const { low, high } = math.range(row);
    const end = math.artefacts(layer).length ? layer.limit : high;
    const rest = row.map((value) => value - low);
    paint(this.pixels.data, rest, { prefix: 0, palette: this.palette, high: end - low || 1 });
  }
}
