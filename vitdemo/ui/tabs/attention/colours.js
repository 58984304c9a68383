// @ts-check
// How a look is coloured, and what its colours mean: { fill, legend }. `fill` writes them, RGBA a patch.

import * as scale from "../../kit/maps/scale.js";

export class Colours {
  constructor(words) {
    this.words = words;
  }

  /** Another result. */
  open({ heads, palette, prefix }) {
    this.palette = palette;
    this.prefix = prefix;
    this.hues = scale.headColours(heads);
    this.ramp = scale.strip(palette);
    this.blocks = scale.strip(this.hues.flat());
  }

  /** Of the map `row` on a scale up to `high`, which is its own unless it is `shared`. */
  values(row, { look, high, shared }) {
    const { palette, prefix } = this;
    const fill = (pixels) => scale.paint(pixels, row, { prefix, palette, high, opacity: look.opacity });
    const whole = row && !shared && scale.beyond(row, { prefix, high }) === 0;
    const ends = shared ? "ends_shared" : whole ? "ends_top" : "ends_own";
    return { fill, legend: this.bar([row], { look, ends, highs: [high], marks: scale.ticks(high) }) };
  }

  /** The legend of all of the maps `rows`, on one scale up to `high`, or where that is null each on its own. */
  all(rows, { look, high }) {
    const highs = rows.map((row) => high ?? (row && scale.own(row, this.prefix)));
    const marks = high === null ? [0, 50, 100].map((number) => this.words.say("percent", { number })) : scale.ticks(high);
    return this.bar(rows, { look, ends: high === null ? "ends_each" : "ends_shared", highs, marks });
  }

  /** The legend of maps `rows` up to `highs`, which ends as the word `ends` says. */
  bar(rows, { look, ends, highs, marks }) {
    const { prefix, words, ramp: strip } = this;
    const counts = rows.map((row, index) => (row ? scale.beyond(row, { prefix, high: highs[index] }) : 0));
    const count = counts.reduce((sum, one) => sum + one, 0);
    const beyond = count ? words.say("beyond", { count }) : "";
    return { label: `${words.unit(look)} · ${words.say(ends)}`, strip, marks, each: false, beyond };
  }

  /** Of the maps `rows` of a layer's heads: each patch in the colour of the head that is strongest there. */
  heads(rows, { look, high }) {
    const { hues: colours, prefix } = this;
    const highs = rows.map((row) => high ?? scale.own(row, prefix));
    const winners = scale.strongest(rows, { prefix, highs });
    const fill = (pixels) => scale.paintHeads(pixels, winners, { colours, opacity: look.opacity });
    const label = this.words.say(high === null ? "heads_each" : "heads_shared");
    const marks = colours.map((_, head) => String(head));
    return { fill, winners, legend: { label, strip: this.blocks, marks, each: true, beyond: "" } };
  }
}
