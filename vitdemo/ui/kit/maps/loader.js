// @ts-check
// A result that is too large to be sent whole comes layer by layer: which is next, and again if one is lost.

const PATIENCE = 20000; // milliseconds until a lost layer is asked for again

export class Loader {
  /** `trigger` asks the server; `again` is called when an answer was lost. */
  constructor({ trigger, again }) {
    this.trigger = trigger;
    this.again = again;
    this.timer = null;
    this.turn = 0;
  }

  /** Nothing is waited for any more: the layer arrived, or another result did. */
  done() {
    clearTimeout(this.timer);
    this.timer = null;
  }

  /** Asks for the first of the layers `wanted` of the result `id`, each a [pass, layer]. */
  ask(id, wanted) {
    if (this.timer || !wanted.length) return;
    const [pass, layer] = wanted[0];
    this.timer = setTimeout(() => { this.done(); this.again(); }, PATIENCE);
    this.trigger("layer", { id, pass, layer, turn: ++this.turn });
  }
}
