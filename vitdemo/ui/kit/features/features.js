// @ts-check
// Features: what the patches of a picture are like after each layer. Entry point: mount().

/** @import { Component, Dictionaries } from "../types.d.ts" */

import { Controls } from "../maps/controls.js";
import { show } from "../maps/legend.js";
import { Picture } from "../maps/picture.js";
import { OPACITY } from "../maps/scale.js";
import { MapTab } from "../maps/tab.js";
import { Words } from "../maps/words.js";
import { Colours } from "./colours.js";
import { decode, put } from "./data.js";
import { Layers } from "./layers.js";
import * as math from "./maths.js";

const FIRST = { layer: 0, pass: "dense", view: "components", patches: "smooth", opacity: OPACITY, query: null };
const CHOICES = { pass: ["pruned", "dense"], view: ["components", "norms"], patches: ["smooth", "square"] };
const NUMBERS = { layer: 1, opacity: 100 };

class Features extends MapTab {
  constructor({ root, trigger, words }) {
    super({ root, trigger, words, state: { ...FIRST } });
    this.trigger = trigger;
    this.kept = null;
    this.alike = new Picture(root.querySelectorAll(".picture")[1]);
    this.colours = new Colours(words);
    const change = (part) => this.change(part);
    this.controls = new Controls(root, { change, words, choices: CHOICES, numbers: NUMBERS });
    this.layers = new Layers(this.find(".layers"), { choose: (layer) => this.change({ layer }) });
    this.parts = [this.picture, this.controls, this.layers, this.colours];
    this.find(".keep").addEventListener("click", () => this.keep());
  }

  /** The result of a payload, and under `beside` that of the one in it. */
  async decode({ beside, ...payload }) {
    const [data, other] = await Promise.all([decode(payload), beside && decode(beside)]);
    return { ...data, beside: other };
  }

  begin() {
    const { beside, model } = this.data;
    if (beside) this.kept = beside;
    else if (this.kept?.model !== model) this.kept = null; // another network has features of its own
    this.find(".keep").hidden = Boolean(beside);
    super.begin();
  }

  /** The features of one layer, which were asked for, arrived, or its result is gone. */
  async receive(text) {
    const { id, pass, layer, directions } = JSON.parse(text);
    const these = [this.data, this.kept].filter((one) => one?.id === id);
    if (!these.length) return;
    if (directions) await Promise.all(these.map((one) => put(one.passes[pass][layer], { directions })));
    else this.kept = null;
    this.loader.done();
    this.draw();
  }

  /** Keeps this picture beside those that come, or lets it go. */
  keep() {
    if (!this.data) return;
    this.kept = this.kept ? null : this.data;
    if (this.kept) this.trigger("keep", { id: this.kept.id });
    this.draw();
  }

  get layer() {
    return this.data.passes[this.state.pass][this.state.layer];
  }

  /** The result on the right, and its layer: of the kept picture, or of the same. */
  get other() {
    const data = this.kept ?? this.data;
    const pass = data.passes[this.state.pass] ? this.state.pass : "dense";
    return { data, pass, layer: data.passes[pass][this.state.layer] };
  }

  draw() {
    const { data, state, layer, other } = this;
    const wanted = this.hover ?? state.query;
    const present = wanted !== null && layer.place[wanted] >= 0;
    const query = present ? wanted : math.middle(layer, data.grid);
    const smooth = state.patches === "smooth";
    const missing = [[data, state.pass, layer], [other.data, other.pass, other.layer]].filter(([, , one]) => !one.directions);
    if (missing.length) this.loader.ask(missing[0][0].id, [[missing[0][1], state.layer]]);
    const row = missing.length ? null : math.similarity(layer, other.layer, query);

    const left = this.colours.of(layer, state);
    const gone = math.gone(layer);
    this.picture.draw({ fill: left.fill, gone, empty: gone, smooth, query, cursor: wanted });
    const right = this.colours.similarity(row, { except: this.kept ? null : query, opacity: state.opacity });
    if (this.alike.view !== other.data.view) this.alike.open(other.data);
    const absent = math.gone(other.layer);
    const mark = this.kept ? row && math.nearest(row, null) : query;
    this.alike.draw({ fill: right.fill, gone: absent, empty: absent, smooth, query: mark, cursor: null });
    [left, right].forEach(({ legend }, index) => show(this.root.querySelectorAll(".bar")[index], legend));
    this.layers.draw(data.passes[state.pass], state);
    this.say({ query, row, gone: wanted !== null && !present ? wanted : null });
    this.shown = { query, row };
    this.publish(row ? "ready" : "loading");
  }

  /** Tells which result stands beside, too. */
  publish(ready) {
    this.root.dataset.beside = this.kept?.id ?? "";
    super.publish(ready);
  }

  /** Titles, and the sentence on the patch `query`, whose similarities are `row`; `gone`: one that is not there. */
  say({ query, row, gone }) {
    const { data, state, layer, words, kept } = this;
    const patch = words.patch(query, data.grid);
    this.find(".first").textContent = words.say(`title_${state.view}`, { layer: state.layer });
    this.find(".second").textContent = words.say(kept ? "title_kept" : "title_alike", { patch });
    this.find(".loading").textContent = row ? "" : words.say("loading");
    const parts = gone === null ? [] : [words.say("gone", { patch: words.patch(gone, data.grid), layer: state.layer })];
    parts.push(words.say("norm", { patch, norm: layer.norms[layer.place[query]].toFixed(2) }));
    const best = row && math.nearest(row, kept ? null : query);
    if (best !== null && row) {
      const gaps = { patch: words.patch(best, this.other.data.grid), cosine: row[best].toFixed(3) };
      parts.push(words.say(kept ? "nearest_kept" : "nearest", gaps));
    }
    const found = math.artefacts(layer);
    parts.push(words.say(found.length ? "artefacts" : "no_artefacts", { list: found.join(", "), limit: layer.limit.toFixed(2) }));
    const live = parts.join(" ");
    if (this.find(".live").textContent !== live) this.find(".live").textContent = live;
    this.find(".unpin").disabled = state.query === null;
    this.find(".keep").setAttribute("aria-pressed", Boolean(kept));
    this.find(".keep").textContent = words.say(kept ? "let_go" : "keep");
  }
}

/** Starts the tab in `element`; `trigger`, `props` and `watch` are those of the page's component.
 * @param {Component<{ value: object | string, chunk: { text: string }, words: Dictionaries }>} component */
export function mount({ element, trigger, props, watch }) {
  const root = element.querySelector(".features");
  const features = new Features({ root, trigger, words: new Words(props.words) });
  root.features = {
    restore(part) { features.change(part); },
    /** What is drawn: the patch, its similarities, the colours of the components and the norms, NaN = gone. */
    get shown() {
      const { layer, shown: { query, row } } = features;
      return {
        query,
        row: row && Array.from(row),
        colours: Array.from(math.colours(layer)),
        components: Array.from(layer.components),
        norms: Array.from(math.spread(layer, (index) => layer.norms[index])),
        artefacts: math.artefacts(layer),
      };
    },
  };
  features.follow({ props, watch });
}
