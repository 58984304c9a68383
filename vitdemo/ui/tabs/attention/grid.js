// @ts-check
// The layer x head grid: a button with a tiny canvas for each map, one pixel a patch.

import { INK, PAPER, own, paint } from "../../kit/maps/scale.js";

const [SIDE, EDGE, GAP] = [56, 24, 4]; // of a saved grid, in pixels
const GONE = "rgb(164 164 164)"; // a patch without a value

export class Grid {
  /** `choose({ layer, head })` is called for a click or an arrow key. */
  constructor(root, { choose, words }) {
    this.root = root;
    this.words = words;
    this.choose = choose;
    root.addEventListener("click", (event) => {
      const cell = event.target.closest("button");
      if (cell) choose(this.place(cell));
    });
    root.addEventListener("keydown", (event) => this.moved(event));
  }

  /** Another result: cells for its layers and heads. */
  open({ layers, heads, grid, prefix, palette }) {
    this.layers = layers;
    this.heads = heads;
    this.prefix = prefix;
    this.palette = palette;
    this.pixels = new ImageData(grid[1], grid[0]);
    const size = [layers, heads, ...grid].join();
    if (size === this.size) return;
    this.size = size;
    this.root.style.setProperty("--columns", heads + 1);
    this.root.setAttribute("aria-rowcount", layers + 1);
    this.root.setAttribute("aria-colcount", heads + 2);
    const names = [this.words.all_short, ...Array(heads).keys()];
    const corner = this.label(this.words.say("layer"));
    corner.className = "corner";
    const header = this.line([corner, ...names.map((name) => this.label(name))]);
    this.cells = Array.from({ length: layers }, (_, layer) => names.map((_, index) => this.cell(layer, index, grid)));
    const lines = this.cells.map((cells, layer) => this.line([this.label(layer, "rowheader"), ...cells.map(({ button }) => button)]));
    this.root.replaceChildren(header, ...lines);
  }

  line(children) {
    const line = document.createElement("div");
    line.setAttribute("role", "row");
    line.append(...children);
    return line;
  }

  label(words, role = "columnheader") {
    const label = document.createElement("span");
    label.setAttribute("role", role);
    label.textContent = words;
    return label;
  }

  cell(layer, index, grid) {
    const button = document.createElement("button");
    const canvas = document.createElement("canvas");
    [canvas.height, canvas.width] = grid;
    Object.assign(button.dataset, { layer, head: index ? index - 1 : "all" });
    Object.assign(button, { type: "button", tabIndex: -1 });
    button.setAttribute("role", "gridcell");
    button.setAttribute("aria-label", this.words.place({ layer, head: index ? index - 1 : null }));
    button.append(canvas);
    return { button, context: canvas.getContext("2d") };
  }

  place({ dataset: { layer, head } }) {
    return { layer: Number(layer), head: head === "all" ? null : Number(head) };
  }

  moved(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const cell = event.target.closest("button");
    if (!cell || !steps[event.key]) return;
    event.preventDefault();
    const [down, right] = steps[event.key];
    const { layer, head } = this.place(cell);
    const row = Math.min(Math.max(layer + down, 0), this.layers - 1);
    const column = Math.min(Math.max((head ?? -1) + 1 + right, 0), this.heads);
    this.choose({ layer: row, head: column ? column - 1 : null });
    this.cells[row][column].button.focus();
  }

  /** `rows[layer][head + 1]`: maps, or null where there is none. One scale from 0 to `high` for all, or if that
   * is null each on its own. */
  draw(rows, high) {
    const { prefix, palette, pixels } = this;
    rows.forEach((maps, layer) => maps.forEach((row, index) => {
      if (row) paint(pixels.data, row, { prefix, palette, high: high ?? own(row, prefix) });
      else pixels.data.fill(0);
      this.cells[layer][index].context.putImageData(pixels, 0, 0);
    }));
  }

  /** The maps as they were drawn last, with their layers and heads at the edges, as one canvas. */
  figure() {
    const { width, height } = this.pixels;
    const zoom = Math.ceil(SIDE / Math.max(width, height)); // a whole number keeps the colours as they are
    const [w, h] = [zoom * width, zoom * height];
    const at = (index, side) => EDGE + index * (side + GAP);
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [at(this.heads + 1, w), at(this.layers, h)];
    const context = canvas.getContext("2d");
    context.fillStyle = PAPER;
    context.fillRect(0, 0, canvas.width, canvas.height);
    Object.assign(context, { imageSmoothingEnabled: false, textAlign: "center", textBaseline: "middle" });
    context.font = `12px ${getComputedStyle(this.root).fontFamily}`;
    this.cells.forEach((cells, layer) => {
      context.fillStyle = INK;
      context.fillText(String(layer), EDGE / 2, at(layer, h) + h / 2);
      cells.forEach(({ context: { canvas: map } }, column) => {
        context.fillStyle = INK;
        const name = column ? column - 1 : this.words.all_short;
        if (!layer) context.fillText(name, at(column, w) + w / 2, EDGE / 2);
        context.fillStyle = GONE;
        context.fillRect(at(column, w), at(layer, h), w, h);
        context.drawImage(map, at(column, w), at(layer, h), w, h);
      });
    });
    return canvas;
  }

  /** Marks the shown map; `head` null is the column of all heads, `layer` null none. */
  select({ layer, head }) {
    const column = head === null ? 0 : head + 1;
    this.cells.forEach((cells, row) => cells.forEach(({ button }, index) => {
      const shown = row === layer && index === column;
      button.setAttribute("aria-selected", String(shown));
      button.tabIndex = shown || (layer === null && row === this.layers - 1 && index === 0) ? 0 : -1;
    }));
  }
}
