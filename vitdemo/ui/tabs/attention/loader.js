// A result that is too large to be sent whole comes layer by layer: which is next, and again if one is lost.

const PATIENCE = 20000; // milliseconds until a lost layer is asked for again

export class Loader {
  /** `trigger` asks the server; `again` is called when an answer was lost. */
  constructor({ trigger, again }) {
    Object.assign(this, { trigger, again, timer: null, turn: 0 });
  }

  /** Nothing is waited for any more: the layer arrived, or another result did. */
  done() {
    clearTimeout(this.timer);
    this.timer = null;
  }

  /** Asks for one layer that is not here yet: `urgent` ones of the pass `shown`, then its others, then those
   * of the other pass, which a visitor may want to see next. */
  ask({ id, passes }, shown, urgent) {
    if (this.timer) return;
    const names = [shown, ...Object.keys(passes)];
    const wanted = [[shown, urgent], ...names.map((pass) => [pass, missing(passes[pass])])];
    const [pass, layers] = wanted.find(([, layers]) => layers.length) ?? [];
    if (!layers) return;
    this.timer = setTimeout(() => { this.done(); this.again(); }, PATIENCE);
    this.trigger("layer", { id, pass, layer: layers[0], turn: ++this.turn });
  }
}

/** The layers of a pass that are not here yet. */
export function missing(pass) {
  return pass.attn.flatMap((attn, layer) => (attn ? [] : [layer]));
}
