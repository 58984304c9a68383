// @ts-check
// How a layer is coloured, and what its colours mean: { fill, legend }. `fill` writes them, RGBA a patch.

import * as scale from "../maps/scale.js";
import * as math from "./maths.js";

const PRIMARY = [[255, 0, 0], [0, 255, 0], [0, 0, 255]];

export class Colours {
  constructor(words) {
    this.words = words;
    this.channels = scale.strip(PRIMARY.flat());
  }

  /** Another result. */
  open({ palette }) {
    this.palette = palette;
    this.ramp = scale.strip(palette);
  }

  /** Of a layer as the state wants it seen: by components, or by norms. */
  of(layer, state) {
    return state.view === "norms" ? this.norms(layer, state) : this.components(layer, state);
  }

  components(layer, { opacity }) {
    const [label, marks] = [this.words.say("unit_components"), ["1", "2", "3"]];
    const legend = { label, strip: this.channels, marks, each: true, beyond: "" };
    return { fill: (pixels) => math.paintColours(pixels, layer, opacity), legend };
  }

  /** Up to the limit, beyond which are the artefacts, where there are any. */
  norms(layer, { opacity }) {
    const row = math.spread(layer, (index) => layer.norms[index]);
    const count = math.artefacts(layer).length;
    const { low, high } = math.range(row);
    const found = this.map(row, { low, high: count ? layer.limit : high, unit: "unit_norms", opacity });
    if (count) found.legend.beyond = this.words.say("beyond", { count });
    return found;
  }

  /** Of similarities, from the lowest to the highest, but for that of the patch `except` to itself. */
  similarity(row, { except, opacity }) {
    const rest = row && row.map((value, patch) => (patch === except ? NaN : value));
    const { low, high } = rest ? math.range(rest) : { low: 0, high: 1 };
    const shown = row && row.map((value) => Math.min(value, high));
    return this.map(shown, { low, high, unit: "unit_similarity", opacity });
  }

  map(row, { low, high, unit, opacity }) {
    const span = high - low || 1;
    const rest = row && row.map((value) => value - low);
    const fill = rest && ((pixels) => scale.paint(pixels, rest, { prefix: 0, palette: this.palette, high: span, opacity }));
    const marks = [low, low + span / 2, low + span].map((value) => scale.number(value, span));
    return { fill, legend: { label: this.words.say(unit), strip: this.ramp, marks, each: false, beyond: "" } };
  }
}
