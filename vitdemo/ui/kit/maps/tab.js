// @ts-check
// What the tabs that draw maps on the picture have in common: a result comes in, and a state says what of it is shown.

import { Loader } from "./loader.js";
import { Picture } from "./picture.js";
import { Player } from "./player.js";
import { listen } from "./pointer.js";

export class MapTab {
  /** `state`: the first one. What extends this makes `controls` and names its `parts`. */
  constructor({ root, trigger, words, state }) {
    this.root = root;
    this.words = words;
    this.state = state;
    this.hover = null;
    this.data = null;
    this.turn = 0;
    this.controls = null;
    this.parts = [];
    words.fill(root);
    this.picture = new Picture(root.querySelector(".picture"));
    const over = () => !root.isConnected || !this.data || this.state.layer === this.data.layers - 1;
    this.player = new Player(this.find(".play"), { step: () => this.step(), over });
    this.loader = new Loader({ trigger, again: () => this.draw() });
    listen(this.picture, this);
    this.find(".unpin").addEventListener("click", () => this.release());
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  /** The result that a payload describes, as what extends this decodes it. */
  async decode(payload) {
    return payload;
  }

  /** One layer that was asked for arrived; what extends this puts it into the result. */
  async receive(text) {}

  /** Draws what the state says; what extends this knows how. */
  draw() {}

  /** Takes what the page's component gets: results, and layers that were asked for. */
  follow({ props, watch }) {
    watch("value", () => this.load(props.value));
    watch("chunk", () => { if (props.chunk.text) this.receive(props.chunk.text); });
    this.load(props.value);
  }

  /** Takes a payload (JSON text), or null for none. */
  async load(value) {
    const turn = ++this.turn;
    const data = value ? await this.decode(typeof value === "string" ? JSON.parse(value) : value) : null;
    if (turn !== this.turn) return; // a newer one came meanwhile
    const before = this.data ?? this.last;
    this.data = data;
    this.last = data ?? before;
    this.hover = null;
    this.drawn = null;
    this.loader.done();
    if (!data) {
      this.player.stop();
      this.publish("empty");
      return;
    }
    if (before?.model !== data.model) Object.assign(this.state, this.firstOf(data));
    if (before?.model !== data.model || before.source !== data.source) this.state.query = null;
    for (const part of this.parts) part.open(data);
    this.begin();
  }

  /** The part of the state that another network begins with. */
  firstOf({ layers }) {
    return { layer: layers - 1 };
  }

  /** Shows a result that has just come. */
  begin() {
    this.change({});
  }

  /** Applies a part of the state, as far as this result has it, and draws. */
  change(part) {
    if (!this.data) return;
    this.state = this.settle({ ...this.state, ...part }, part);
    this.controls.show(this.state);
    this.draw();
  }

  /** What this result has of the state `next`. */
  settle(next, part) {
    if (!this.data.passes[next.pass]) next.pass = "dense";
    next.layer = Math.min(Math.max(next.layer, 0), this.data.layers - 1);
    return next;
  }

  point(patch) {
    if (patch === this.hover || !this.data) return;
    this.hover = patch;
    this.draw();
  }

  pin(patch) {
    this.change({ query: patch === this.state.query ? null : patch });
  }

  release() {
    this.hover = null;
    this.change({ query: null });
  }

  step() {
    if (this.data) this.change({ layer: (this.state.layer + 1) % this.data.layers });
  }

  /** For tests and other scripts: what state the page is in. */
  publish(ready) {
    const { dataset } = this.root;
    dataset.state = JSON.stringify(this.state);
    dataset.analysis = this.data?.id ?? "";
    dataset.ready = ready;
  }
}
