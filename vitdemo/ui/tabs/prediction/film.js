// @ts-check
// The film: patches fall away from the picture stage by stage, at the ratio where the slider stands. What the
// network says at every ratio is computed ahead and comes in one piece, so that the slider asks nobody: other parts
// of the page read it by window.atRatio, and by window.isShown of which ratio the result on the page is. Entry point:
// mount().

/** @import { Component, Dictionaries, RatioStep } from "../../kit/types.d.ts" */

/** `value`: where the left column stands; `shown`: the picture and its own step; `steps`: those of all ratios;
 * `found`: the fewest patches.
 * @typedef {object} Props
 * @property {{ ratio: number, selector: string, reduction: string }} value
 * @property {{ picture?: string, view: string, grid: number[], ratio: number, dense: [string, number][], step: RatioStep }} shown
 * @property {{ picture?: string, selector: string, reduction: string, language: string,
 *   steps: Record<number, RatioStep> }} steps
 * @property {{ picture?: string, kept: number[], answer: string, probability: number, dense: number, minimal: boolean }} found
 * @property {Dictionaries} words */

import { Picture } from "../../kit/maps/picture.js";
import { Player } from "../../kit/maps/player.js";
import { loaded } from "../../kit/maps/unpack.js";
import { Words } from "../../kit/maps/words.js";

const FADE = 450; // milliseconds that a patch needs to fall away
const WHOLE = { fill: null, empty: [], smooth: false, query: null, cursor: null };

class Film {
  constructor({ root, trigger, props, words }) {
    this.root = root;
    this.trigger = trigger;
    this.props = props;
    this.words = words;
    this.data = null;
    this.step = null;
    this.frame = 0;
    this.asked = "";
    this.turn = 0;
    this.fading = 0;
    words.fill(root);
    this.picture = new Picture(this.find(".picture"));
    const over = () => !root.isConnected || this.frame === this.last;
    this.player = new Player(this.find(".play"), { step: () => this.next(), over });
    this.find(".fewest").addEventListener("click", () => this.search());
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  get last() {
    return this.step ? this.step.tokens.length - 1 : 0;
  }

  /** Whether `one`, which was computed of some picture, is of the one at hand. */
  isOurs(one) {
    return one.picture !== undefined && one.picture === this.data?.picture;
  }

  /** Whether all steps of the picture at hand are there. */
  get isReady() {
    const [{ steps, value }, { lang }] = [this.props, document.documentElement];
    const asked = steps.selector === value.selector && steps.reduction === value.reduction;
    return this.isOurs(steps) && asked && lang.startsWith(steps.language);
  }

  /** What the network says at `ratio`, undefined where the browser does not know it yet. */
  at(ratio) {
    if (this.isReady && ratio in this.props.steps.steps) return this.props.steps.steps[ratio];
    return this.data?.ratio === ratio ? this.data.step : undefined;
  }

  /** Another answer came, or none. A picture that was not there before plays once. */
  async load() {
    const [turn, { shown }] = [++this.turn, this.props];
    this.root.dataset.steps = "";
    const view = shown.picture ? await loaded(shown.view) : null;
    if (turn !== this.turn) return; // a newer one came meanwhile
    const arrived = !this.isOurs(shown);
    this.player.stop();
    this.data = view && { ...shown, view };
    this.asked = "";
    this.root.dataset.ready = view ? "ready" : "empty";
    if (!view) return;
    this.picture.open(this.data);
    this.put(this.at(this.props.value.ratio) ?? this.data.step);
    if (arrived && !matchMedia("(prefers-reduced-motion: reduce)").matches) this.player.play();
    this.follow();
  }

  /** The slider or the selector moved, or all steps came. */
  follow() {
    this.root.dataset.steps = this.isReady ? "ready" : "";
    if (!this.data) return;
    const step = this.at(this.props.value.ratio);
    if (step && step !== this.step) this.put(step);
    const [{ picture }, { selector, reduction }] = [this.data, this.props.value];
    const wanted = `${picture} ${selector} ${reduction}`;
    if (this.isReady || this.asked === wanted) return;
    this.asked = wanted;
    this.trigger("ahead", { picture, selector, reduction });
  }

  /** Shows what is left at the end of `step`, unless that is on its way already. */
  put(step) {
    const same = step.stages === this.step?.stages && this.player.timer;
    this.step = step;
    if (same) return;
    this.player.stop();
    this.frame = this.last;
    this.show(this.gone(this.last));
  }

  /** The next frame; after the last one the film begins anew. */
  next() {
    this.frame = (this.frame + 1) % (this.last + 1);
    this.show(this.gone(this.frame), { before: this.gone(this.frame - 1) });
  }

  /** The patches that are gone after `stage`. */
  gone(stage) {
    const stages = atob(this.step.stages);
    return Array.from(stages, (one, patch) => [one.charCodeAt(0), patch])
      .filter(([one]) => one > 0 && one <= stage).map(([, patch]) => patch);
  }

  /** Draws the picture without the patches `gone`; those that were not gone `before` fade. */
  show(gone, { before = gone, texts = this.texts() } = {}) {
    cancelAnimationFrame(this.fading);
    const leaving = gone.filter((patch) => !before.includes(patch));
    const begin = performance.now();
    const paint = () => {
      const share = leaving.length ? Math.min((performance.now() - begin) / FADE, 1) : 1;
      this.picture.draw({ ...WHOLE, gone: before });
      this.picture.grey(leaving, share);
      if (share < 1) this.fading = requestAnimationFrame(paint);
    };
    paint();
    this.gonePatches = gone;
    this.find(".caption").textContent = texts.caption;
    if (this.find(".said").textContent !== texts.said) this.find(".said").textContent = texts.said;
    this.find(".picture").setAttribute("aria-label", `${this.words.say("film")}. ${texts.caption}`);
    this.root.dataset.frame = this.frame;
  }

  /** The caption of the frame, and the sentence on the film. */
  texts() {
    const { words, step, frame, data } = this;
    const [count, kept] = [step.tokens[0], step.tokens.at(-1)];
    const merged = this.props.value.reduction === "drop" ? "" : "_merged";
    const caption = words.say(frame ? `after${merged}` : "all", { stage: frame, kept: step.tokens[frame], count });
    if (!step.top.length) return { caption, said: "" };
    const [[before, dense], [after, pruned]] = [data.dense[0], step.top[0]];
    const gaps = { before, after, count, kept, dense: words.percent(dense), pruned: words.percent(pruned) };
    const said = words.say(this.last === 0 ? "whole" : (before === after ? "stays" : "changes") + merged, gaps);
    return { caption, said };
  }

  /** Asks for the fewest patches that keep the answer, once for a picture. */
  search() {
    if (this.isOurs(this.props.found)) this.showFewest();
    else if (this.data) this.trigger("fewest", { picture: this.data.picture });
  }

  showFewest() {
    const { found } = this.props;
    if (!this.isOurs(found)) return; // the visitor has moved on to another picture
    this.player.stop();
    const [words, count] = [this.words, this.step.tokens[0]];
    const gaps = { kept: found.kept.length, count, label: found.answer };
    const shares = { now: words.percent(found.probability), dense: words.percent(found.dense) };
    const texts = { caption: words.say(gaps.kept === 1 ? "one" : "few", gaps), said: words.say(found.minimal ? "alone" : "cut", shares) };
    const gone = Array.from({ length: count }, (_, patch) => patch).filter((patch) => !found.kept.includes(patch));
    this.frame = this.last; // from there it plays from the beginning
    this.show(gone, { before: [], texts });
  }
}

/** Starts the film in `element`; `trigger`, `props` and `watch` are those of the page's component.
 * @param {Component<Props>} component */
export function mount({ element, trigger, props, watch }) {
  const root = element.querySelector(".film");
  const film = new Film({ root, trigger, props, words: new Words(props.words) });
  window.atRatio = (ratio) => film.at(ratio);
  window.isShown = (ratio) => film.data?.ratio === ratio;
  root.film = {
    /** What is drawn, for tests. */
    get shown() {
      return { gone: film.gonePatches, frame: film.frame, step: film.step };
    },
  };
  watch("shown", () => film.load());
  watch(["value", "steps"], () => film.follow());
  watch("found", () => film.showFewest());
  film.load();
}
