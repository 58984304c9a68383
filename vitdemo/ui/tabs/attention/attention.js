// The Attention tab: one payload comes in, everything else happens here. Entry point: mount().

import { Controls } from "./controls.js";
import { decode, put } from "./data.js";
import { Grid } from "./grid.js";
import { Loader, missing } from "./loader.js";
import * as math from "./maths.js";
import { Picture } from "./picture.js";
import { Player } from "./player.js";
import { listen } from "./pointer.js";
import { save } from "./save.js";
import * as scale from "./scale.js";
import { Words } from "./words.js";

const FIRST = {
  layer: 0, head: null, method: "attention-rollout", pass: "pruned", direction: "out", query: null,
  fusion: "mean", discard: 0, opacity: 0.6, scale: "own",
};

class Attention {
  constructor({ root, trigger, words, methods }) {
    Object.assign(this, { root, words, state: { ...FIRST }, hover: null, data: null, turn: 0 });
    words.fill(root);
    this.picture = new Picture(root.querySelector(".picture"));
    this.grid = new Grid(root.querySelector(".cells"), { choose: (place) => this.change(place), words });
    this.controls = new Controls(root, { change: (part) => this.change(part), words, methods });
    const over = () => !root.isConnected || !this.data || this.state.layer === this.data.layers - 1;
    this.player = new Player(this.find(".play"), { step: () => this.step(), over });
    this.loader = new Loader({ trigger, again: () => this.draw() });
    listen(this.picture, this);
    this.find(".save").addEventListener("click", () => this.savePicture());
    this.find(".save-all").addEventListener("click", () => this.saveGrid());
    this.find(".unpin").addEventListener("click", () => this.release());
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  /** Takes a payload (JSON text), or null for none. */
  async load(value) {
    const turn = ++this.turn;
    const data = value ? await decode(typeof value === "string" ? JSON.parse(value) : value) : null;
    if (turn !== this.turn) return; // a newer one came meanwhile
    const before = this.data ?? this.last;
    Object.assign(this, { data, last: data ?? before, hover: null, drawn: null });
    this.loader.done();
    if (!data) {
      this.player.stop();
      this.publish("empty");
      return;
    }
    if (before?.model !== data.model) Object.assign(this.state, { layer: data.layers - 1, head: null });
    if (before?.model !== data.model || before.source !== data.source) this.state.query = null;
    for (const part of [this.picture, this.grid, this.controls]) part.open(data);
    const bars = this.root.querySelectorAll(".ramp");
    for (const bar of bars) bar.getContext("2d").drawImage(scale.ramp(data.palette), 0, 0);
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

  /** Applies a part of the state, as far as this result has it, and draws. */
  change(part) {
    const { data, state } = this;
    if (!data) return;
    const next = { ...state, ...part };
    const chose = "layer" in part || "head" in part;
    if (chose && !("method" in part)) next.method = math.methodOfAll(next);
    if (!data.passes[next.pass]) next.pass = "dense";
    next.layer = Math.min(Math.max(next.layer, 0), data.layers - 1);
    if (next.head !== null && !(next.head < data.heads)) next.head = null;
    next.discard = Math.round(next.discard * 20) / 20; // only for these are the cut-offs known
    if (next.query !== null && !(next.query < data.grid[0] * data.grid[1])) next.query = null;
    this.state = next;
    this.controls.show(next);
    this.draw();
  }

  point(patch) {
    if (patch === this.hover || !this.data) return;
    this.hover = patch;
    this.draw();
  }

  pin(patch) {
    this.change({ query: patch === this.state.query ? null : patch });
  }

  /** Back to what the head reads. */
  release() {
    this.hover = null;
    this.change({ query: null });
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
    const shared = state.scale === "shared" ? this.maps(look).flat() : [];
    const high = scale.top([row, ...shared], data.prefix);
    const free = state.query === null && look.query !== null; // the map starts under the cursor
    const cursor = free ? null : this.hover;
    if (row && free) opening = this.words.start(look, data, math.explain(pass, { ...look, query: null }));
    const gone = row ? math.absent(pass, math.lastLayer(pass, look)) : [];
    const query = state.query ?? this.hover;
    this.picture.draw({ row, gone, high, opacity: state.opacity, query, cursor });
    this.label(".bar.own", look, high);
    this.find(".caption").textContent = this.words.caption(look, data);
    const live = row ? this.words.numbers(look, data, { row, cursor, high, opening }) : "";
    if (this.find(".live").textContent !== live) this.find(".live").textContent = live;
    this.find(".unpin").disabled = state.query === null;
    this.shown = { look, high };
    this.publish(row ? "ready" : "loading");
    const left = missing(pass).length;
    const gaps = { done: data.layers - left, layers: data.layers };
    this.find(".loading").textContent = left ? this.words.say("loading", gaps) : "";
    this.loader.ask(data, state.pass, urgent);
    this.frame ??= requestAnimationFrame(() => this.drawGrid());
  }

  /** All layers and heads for a look, worked out once a query and setting. */
  maps(look) {
    const { direction, query, fusion, discard, pass } = look;
    const arrived = this.pass.attn.filter(Boolean).length;
    const key = [this.data.id, math.methodOfAll(look), direction, query, fusion, discard, pass, arrived].join();
    if (this.drawn?.key !== key) this.drawn = { key, rows: math.explainAll(this.pass, look), painted: false };
    return this.drawn.rows;
  }

  drawGrid() {
    this.frame = null;
    if (!this.data) return;
    const { look, high } = this.shown;
    const rows = this.maps(look);
    const shared = look.scale === "shared" ? high : scale.top(rows.flat(), this.data.prefix);
    if (!this.drawn.painted || this.drawn.high !== shared) this.grid.draw(rows, shared);
    Object.assign(this.drawn, { painted: true, high: shared });
    const { single } = math.METHODS[look.method];
    this.grid.select({ layer: single ? look.layer : null, head: single ? look.head : null });
    this.label(".bar.all", look, shared);
    this.root.dataset.grid = [this.drawn.key, look.layer, look.head, shared].join(); // what is drawn
  }

  label(selector, look, high) {
    const bar = this.find(selector);
    bar.querySelector(".unit").textContent = this.words.unit(look);
    scale.ticks(high).forEach((text, index) => { bar.querySelectorAll(".tick")[index].textContent = text; });
  }

  /** For tests, links and other scripts: what state the page is in. */
  publish(ready) {
    const { dataset } = this.root;
    dataset.state = JSON.stringify(this.state);
    dataset.shown = JSON.stringify(this.shown?.look.query ?? null);
    dataset.analysis = this.data?.id ?? "";
    dataset.ready = ready;
    if (ready === "empty" || this.told === dataset.state) return;
    this.told = dataset.state;
    this.root.dispatchEvent(new CustomEvent("attention-changed", { bubbles: true, detail: this.state }));
  }

  step() {
    if (this.data) this.change({ layer: (this.state.layer + 1) % this.data.layers });
  }

  savePicture() {
    if (this.root.dataset.ready !== "ready") return;
    const { look, high } = this.shown;
    const lines = [this.words.caption(look, this.data), this.find(".live").textContent];
    this.save(this.picture.canvas, { high, lines, parts: [look.method, look.layer, look.head ?? "all"] });
  }

  saveGrid() {
    if (!this.drawn?.painted) return;
    const look = { ...this.shown.look, method: math.methodOfAll(this.shown.look) };
    const lines = [this.words.caption(look, this.data, this.words.say("grid"))];
    this.save(this.grid.figure(), { high: this.drawn.high, lines, parts: [look.method, "grid"] });
  }

  save(figure, { high, lines, parts }) {
    const { model, palette, title } = this.data;
    const label = this.words.unit(this.shown.look);
    const font = getComputedStyle(this.root).fontFamily;
    save(figure, { name: [model, ...parts].join("-"), palette, high, label, lines: [...lines, title], font });
  }
}

/** Starts the tab in `element`; `trigger`, `props` and `watch` are those of the page's component. */
export function mount({ element, trigger, props, watch }) {
  const root = element.querySelector(".attention");
  const attention = new Attention({ root, trigger, words: new Words(props.words), methods: props.methods });
  root.attention = {
    get state() { return { ...attention.state }; },
    restore(part) {
      if (attention.data) attention.change(part);
      else attention.wanted = part;
    },
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
  watch("value", () => attention.load(props.value));
  watch("chunk", () => { if (props.chunk.text) attention.receive(props.chunk.text); });
  attention.load(props.value);
}
