// @ts-check
// What the Attention tab says.

import { number, summary, top } from "../../kit/maps/scale.js";
import { Words as Plain } from "../../kit/maps/words.js";
import { METHODS } from "./maths.js";

export class Words extends Plain {
  get all_short() {
    return this.texts.all_short;
  }

  place({ layer, head, colours }) {
    if (colours === "heads") return this.say("place_heads", { layer });
    return head === null ? this.say("place_all", { layer }) : this.say("place", { layer, head });
  }

  unit(look) {
    return this.say(`unit_${look.method}`);
  }

  /** What is shown: method, `place` (layer and head), pass and start. */
  caption(look, data, place = this.place(look)) {
    const start = look.query === null ? this.say("readout") : this.patch(look.query, data.grid);
    const parts = [this.say(`method_${look.method}`)];
    if (METHODS[look.method].single) parts.push(place);
    parts.push(this.say(`during_${look.pass}`), this.say(look.direction === "out" ? "from" : "to", { start }));
    return parts.join(" · ");
  }

  /** The patch from which the map starts, and what it has in `ground`, the map of what the head reads. */
  start(look, data, ground) {
    const value = ground[look.query + data.prefix];
    const { total } = summary(ground, data.prefix);
    const gaps = {
      patch: this.patch(look.query, data.grid),
      value: number(value, top([ground], data.prefix)),
      share: this.percent(total && value / total),
    };
    return this.say(Number.isNaN(value) ? "start_gone" : `start_${look.direction}`, gaps);
  }

  /** The numbers of the map: of the patch under the cursor, or where that is null, of the largest. */
  numbers(look, data, { row, cursor, high, opening }) {
    const { total, best, before } = summary(row, data.prefix);
    if (total === 0) return opening + this.say(before > 0 ? "only_prefix" : "nothing");
    const patch = cursor ?? best;
    const value = row[patch + data.prefix];
    const gaps = { patch: this.patch(patch, data.grid), value: number(value, high), share: this.percent(value / total) };
    if (cursor !== null && Number.isNaN(value)) return opening + this.say("gone", gaps);
    const sentence = this.say(cursor === null ? "largest" : "under", gaps);
    const rest = look.direction === "out" && before > 1e-6 ? this.say("prefix_part", { share: this.percent(before / (total + before)) }) : "";
    return opening + sentence + rest;
  }

  /** Which head is strongest under the cursor, or where that is null on how many patches each is. */
  strongest(winners, { grid }, cursor) {
    if (cursor !== null) {
      const [best, patch] = [winners[cursor], this.patch(cursor, grid)];
      if (best) return this.say("strongest", { patch, head: best.head, share: this.percent(best.share) });
      return this.say("gone", { patch });
    }
    const counts = new Map();
    for (const best of winners) if (best) counts.set(best.head, (counts.get(best.head) ?? 0) + 1);
    const parts = [...counts].sort((one, other) => other[1] - one[1]).map(([head, count]) => {
      return this.say("head_count", { head, count });
    });
    return this.say("heads_most", { counts: parts.join(" · ") });
  }
}
