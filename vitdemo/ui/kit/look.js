// @ts-check
// What the Attention tab shows, as a state: vitdemo/engine/look.py has the record that it writes, and reads the
// parameters of a link.

/** @import { Look } from "./types.d.ts" */

/** What is shown at first; layer -1 is the last one.
 * @type {Look} */
export const FIRST = {
  method: "attention-rollout", pass: "pruned", layer: -1, head: null, direction: "out", query: null, fusion: "mean",
  discard_ratio: 0,
};
const UNSAID = ["query", "fusion", "discard_ratio"]; // a link says these only where they are not as at first
const FORMER = ["patch", "discard"]; // what links of former versions say
export const PARAMETERS = [...Object.keys(FIRST), ...FORMER];

/** The parameters, name -> value, by which a link says a state or a part of one.
 * @param {Partial<Look>} state
 * @returns {Record<string, string | number>} */
export function toLink(state) {
  const said = Object.keys(FIRST).filter((name) => name in state && !(UNSAID.includes(name) && state[name] === FIRST[name]));
  return Object.fromEntries(said.map((name) => [name, state[name] ?? "all"])); // only a head can be null here
}
