// @ts-check
// The Attention tab: one payload comes in, everything else happens here. Entry point: mount().

/** @import { Component, Dictionaries } from "../../kit/types.d.ts" */

import { FIRST } from "../../kit/look.js";
import { show } from "../../kit/maps/legend.js";
import * as scale from "../../kit/maps/scale.js";
import { MapTab } from "../../kit/maps/tab.js";
import { Colours } from "./colours.js";
import { Controls } from "./controls.js";
import { decode, missing, put, wanted } from "./data.js";
import { Grid } from "./grid.js";
import * as math from "./maths.js";
import { absent } from "./tokens.js";
import { save } from "./save.js";
import { Words } from "./words.js";

const SHOWN = { opacity: scale.OPACITY, scale: "own", colours: "values", patches: "smooth" }; // how a map is drawn

class Attention extends MapTab {
  constructor({ root, trigger, words, methods }) {
    super({ root, trigger, words, state: { ...FIRST, ...SHOWN } });
    this.colours = new Colours(words);
    this.grid = new Grid(root.querySelector(".cells"), { choose: (place) => this.change(place), words });
    this.controls = new Controls(root, { change: (part) => this.change(part), words, methods });
    this.parts = [this.picture, this.grid, this.controls, this.colours];
    this.find(".save").addEventListener("click", () => this.savePicture());
    this.find(".save-all").addEventListener("click", () => this.saveGrid());
  }

  decode(payload) {
    return decode(payload);
  }

  firstOf(data) {
    return { ...super.firstOf(data), head: null };
  }

  begin() {
    this.change(this.wanted ?? {});
    this.wanted = null;
  }

  /** One layer that was asked for arrived. */
  async receive(text) {
    const { id, pass, layer, attn, cuts } = JSON.parse(text);
    const data = this.data;
    if (data?.id !== id) return;
    await put(data.passes[pass], layer, { attn, cuts });
    if (data !== this.data) return;
    this.loader.done();
    this.draw();
  }

  settle(next, part) {
    const { data } = this;
    const chose = "layer" in part || "head" in part || part.colours === "heads";
    if (chose && !("method" in part)) next.method = math.methodOfAll(next);
    const one = "head" in part || !math.METHODS[next.method].single; // a map that has a head, or that no head has
    if (one && part.colours !== "heads") next.colours = "values";
    if (next.head !== null && !(next.head < data.heads)) next.head = null;
    next.discard_ratio = Math.round(next.discard_ratio * 20) / 20; // only for these are the cut-offs known
    if (next.query !== null && !(next.query < data.grid[0] * data.grid[1])) next.query = null;
    return super.settle(next);
  }

  get pass() {
    return this.data.passes[this.state.pass];
  }

  /** What is shown: the pinned patch, else the one under the pointer, else what the head reads. */
  get look() {
    return { ...this.state, query: this.state.query ?? this.hover };
  }

  draw() {
    const { data, pass, state } = this;
    let [look, opening] = [this.look, ""];
    const dropped = math.droppedBefore(pass, look);
    if (dropped !== null) {
      opening = this.words.say("dropped", { patch: this.words.patch(look.query, data.grid), layer: dropped });
      look = { ...look, query: null };
    }
    const urgent = math.layersNeeded(pass, look).filter((layer) => !pass.attn[layer]);
    const row = urgent.length ? null : math.explain(pass, look);
    const shared = state.scale === "shared" ? scale.common(this.maps(look).flat(), data.prefix) : null;
    const high = shared ?? (row ? scale.own(row, data.prefix) : 1);
    const free = state.query === null && look.query !== null; // the map starts under the cursor
    const cursor = free ? null : this.hover;
    if (row && free) opening = this.words.start(look, data, math.explain(pass, { ...look, query: null }));
    const gone = row ? absent(pass, math.lastLayer(pass, look)) : [];
    const empty = gone.filter((patch) => Number.isNaN(row[patch + data.prefix]));
    const { fill, winners, legend } = this.coloured(row, { look, high, shared });
    const [query, smooth] = [state.query ?? this.hover, state.patches === "smooth"];
    this.picture.draw({ fill: row && fill, gone, empty, smooth, query, cursor });
    show(this.find(".bar.own"), legend);
    this.find(".caption").textContent = this.words.caption(look, data);
    const live = !row ? "" : winners
      ? opening + this.words.strongest(winners, data, cursor)
      : this.words.numbers(look, data, { row, cursor, high, opening });
    if (this.find(".live").textContent !== live) this.find(".live").textContent = live;
    this.find(".unpin").disabled = state.query === null;
    this.shown = { look, legend, shared };
    this.publish(row ? "ready" : "loading");
    const left = missing(pass).length;
    const gaps = { done: data.layers - left, layers: data.layers };
    this.find(".loading").textContent = left ? this.words.say("loading", gaps) : "";
    this.loader.ask(data.id, wanted(data, state.pass, urgent));
    this.frame ??= requestAnimationFrame(() => this.drawGrid());
  }

  /** The colours of the map `row` or, where each head has its own, of all heads of its layer. */
  coloured(row, { look, high, shared }) {
    if (!row || look.colours === "values") return this.colours.values(row, { look, high, shared: shared !== null });
    return this.colours.heads(this.maps(look)[look.layer].slice(1), { look, high: shared });
  }

  /** All layers and heads for a look, worked out once a query and setting. */
  maps(look) {
    const { direction, query, fusion, discard_ratio, pass } = look;
    const arrived = this.pass.attn.filter(Boolean).length;
    const key = [this.data.id, math.methodOfAll(look), direction, query, fusion, discard_ratio, pass, arrived].join();
    if (this.drawn?.key !== key) this.drawn = { key, rows: math.explainAll(this.pass, look), painted: false };
    return this.drawn.rows;
  }

  drawGrid() {
    this.frame = null;
    if (!this.data) return;
    const { look, shared: high } = this.shown;
    const rows = this.maps(look);
    if (!this.drawn.painted || this.drawn.high !== high) {
      this.grid.draw(rows, high);
      const legend = this.colours.all(rows.flat(), { look, high });
      Object.assign(this.drawn, { painted: true, high, legend });
      show(this.find(".bar.all"), legend);
    }
    const { single } = math.METHODS[look.method];
    const head = single && look.colours === "values" ? look.head : null;
    this.grid.select({ layer: single ? look.layer : null, head });
    this.root.dataset.grid = [this.drawn.key, look.layer, head, high].join(); // what is drawn
  }

  /** Tells links, too. */
  publish(ready) {
    const { dataset } = this.root;
    dataset.shown = JSON.stringify(this.shown?.look.query ?? null);
    super.publish(ready);
    if (ready === "empty" || this.told === dataset.state) return;
    this.told = dataset.state;
    this.root.dispatchEvent(new CustomEvent("attention-changed", { bubbles: true, detail: this.state }));
  }

  savePicture() {
    if (this.root.dataset.ready !== "ready") return;
    const { look, legend } = this.shown;
    const lines = [this.words.caption(look, this.data), this.find(".live").textContent];
    this.save(this.picture.canvas, { legend, lines, parts: [look.method, look.layer, look.head ?? "all"] });
  }

  saveGrid() {
    if (!this.drawn?.painted) return;
    const look = { ...this.shown.look, method: math.methodOfAll(this.shown.look) };
    const lines = [this.words.caption(look, this.data, this.words.say("grid"))];
    this.save(this.grid.figure(), { legend: this.drawn.legend, lines, parts: [look.method, "grid"] });
  }

  save(figure, { legend, lines, parts }) {
    const { model, title } = this.data;
    const font = getComputedStyle(this.root).fontFamily;
    save(figure, { name: [model, ...parts].join("-"), legend, lines: [...lines, title], font });
  }
}

/** Starts the tab in `element`; `trigger`, `props` and `watch` are those of the page's component.
 * @param {Component<{ value: object | string, chunk: { text: string }, words: Dictionaries, methods: Record<string, string[]> }>} component */
export function mount({ element, trigger, props, watch }) {
  const root = element.querySelector(".attention");
  const attention = new Attention({ root, trigger, words: new Words(props.words), methods: props.methods });
  root.attention = {
    get state() { return { ...attention.state }; },
    restore(part) {
      if (attention.data) attention.change(part);
      else attention.wanted = part;
    },
    /** Changes the state once the next result is there. */
    prepare(part) { attention.wanted = part; },
    /** The patches' values for the state changed by `part`; NaN = no value, null = no map. */
    heat(part = {}) {
      const look = { ...attention.state, ...part };
      const row = math.explain(attention.data.passes[look.pass], look);
      return row && Array.from(row.subarray(attention.data.prefix));
    },
    /** As `heat`, of every layer and head: [layer][head + 1], the fused heads first. */
    heats(part = {}) {
      const look = { ...attention.state, ...part };
      const rows = math.explainAll(attention.data.passes[look.pass], look);
      return rows.map((maps) => maps.map((row) => row && Array.from(row.subarray(attention.data.prefix))));
    },
  };
  root.dispatchEvent(new CustomEvent("attention-mounted", { bubbles: true }));
  attention.follow({ props, watch });
}
