// @ts-check
// The address bar follows what is shown, and a button copies it. What a link asks for is read and checked by the
// server, when the page is opened and when the visitor goes back (link.py). Entry point: mount().

/** @import { Component, Dictionaries, Look } from "../kit/types.d.ts" */

/** `value`: the left column as JSON; the others are those that link.py writes.
 * @typedef {{ value: string, opened: boolean, pending: boolean, tab: string, look: Partial<Look>, later: Partial<Look>,
 *   returns: number, words: Dictionaries }} Props */

import { PARAMETERS, toLink } from "../kit/look.js";

const PAUSE = 250; // milliseconds from a change to the new address: browsers refuse many changes a second
const SHORT = 2500; // milliseconds that "Copied" stays
const TABS = "#tabs [role=tablist]";
const REST = 1000; // milliseconds between two entries of the browser's history: quick changes are one step
// A change of these is a step, to which Back leads; a change of the others is not.
const STEPS = ["example", "model", "size", "ratio", "selector", "reduction", "tab"];
// Every parameter of a link; others, gradio's own among them, stay as they are.
const NAMES = [...STEPS, ...PARAMETERS];

class Link {
  constructor({ root, props, words, trigger }) {
    this.root = root;
    this.props = props;
    this.words = words;
    this.trigger = trigger;
    this.look = {};
    this.place = null;
    this.timer = null;
    this.step = null;
    this.moved = 0;
    this.turn = 0;
    this.returning = false;
    this.button = root.querySelector("button");
    this.button.textContent = words.copy;
    this.button.title = words.explain;
    this.button.addEventListener("click", () => this.copy());
    document.addEventListener("attention-mounted", ({ target }) => this.bring(target));
    document.addEventListener("attention-changed", ({ detail }) => this.follow(detail));
    window.addEventListener("popstate", () => this.back());
  }

  /** The server has read the address: the result is asked for unless it came along, the tab opens, and from now
   * on the address follows the page. */
  start() {
    const { opened, pending, tab, look } = this.props;
    if (!opened) return;
    if (pending) this.trigger("ask", {});
    this.look = look;
    const attention = document.querySelector(".attention");
    if (attention?.attention) this.bring(attention);
    if (tab) document.getElementById(`tab-${tab}-button`)?.click();
    const watched = { subtree: true, attributeFilter: ["aria-selected"] };
    for (const list of document.querySelectorAll(TABS)) new MutationObserver(() => this.soon()).observe(list, watched);
    this.soon();
    document.body.dataset.opened = "";
    document.dispatchEvent(new Event("link-opened"));
  }

  /** Brings the Attention tab, which is built when it is opened, into the state that the link asks for. */
  bring(root) {
    root.attention.restore(this.look);
  }

  /** The network that the link asked for had to be fetched, and comes now, after this: it is looked at as that asks. */
  expect() {
    this.look = this.props.later;
    this.place = null;
    document.querySelector(".attention")?.attention?.prepare(this.look);
  }

  /** The Attention tab shows another state. */
  follow(state) {
    this.look = state;
    this.soon();
  }

  soon() {
    if (!this.props.opened || this.returning) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(), PAUSE);
  }

  /** Parameter -> value. */
  get shown() {
    const left = JSON.parse(this.props.value);
    const tab = window.findOpenTab()?.replace(/^tab-/, "");
    // A look that the link asked for and nobody has seen yet is of this picture and model only.
    const place = `${left.example} ${left.model} ${left.size}`;
    if (this.place !== null && this.place !== place && !document.querySelector(".attention")) this.look = {};
    this.place = place;
    return { ...left, tab, ...toLink(this.look) };
  }

  write() {
    const url = new URL(location.href);
    const { shown } = this;
    for (const name of NAMES) {
      url.searchParams.delete(name);
      if (shown[name] !== undefined) url.searchParams.append(name, shown[name]);
    }
    if (url.href !== location.href) this.move(url);
    this.step = stepOf(url);
    this.say("");
  }

  /** Another entry in the history where the visitor took a step, else another address for this one. */
  move(url) {
    const now = performance.now();
    const steps = this.step !== null && this.step !== stepOf(url) && now - this.moved > REST;
    if (steps) this.moved = now;
    history[steps ? "pushState" : "replaceState"](history.state, "", url);
  }

  /** Back or forward: the server is told what the address asks for now, unless only the tab is another. */
  back() {
    clearTimeout(this.timer);
    const [before, now] = [this.step, stepOf(location)];
    this.step = now;
    document.getElementById(`tab-${new URLSearchParams(location.search).get("tab")}-button`)?.click();
    if (settingsOf(before) === settingsOf(now)) return;
    this.returning = true; // until the page shows it, it would write what it shows now
    this.turn += 1;
    this.trigger("ask", { search: location.search.slice(1), turn: this.turn });
  }

  /** The page shows what Back asked for. */
  returned() {
    if (this.props.returns !== this.turn) return; // they went further meanwhile
    this.returning = false;
    if (!new URLSearchParams(location.search).has("example")) document.dispatchEvent(new Event("own-wanted"));
  }

  async copy() {
    clearTimeout(this.timer);
    this.write();
    const done = await copied(location.href);
    this.say(done ? this.words.copied : this.words.forbidden);
    if (done) setTimeout(() => this.say(""), SHORT);
  }

  /** `text`, or what is always true. */
  say(text) {
    const own = !JSON.parse(this.props.value).example && document.querySelector("#picture img");
    this.root.querySelector(".status").textContent = text || (own ? this.words.no_picture : "");
  }
}

/** What of an address makes a step, as one text; the tab comes last. */
function stepOf({ search }) {
  const parameters = new URLSearchParams(search);
  return STEPS.map((name) => parameters.get(name)).join();
}

/** A step without its tab. */
const settingsOf = (step) => step?.slice(0, step.lastIndexOf(","));

/** Puts `text` on the clipboard, in pages without https by the old command. Returns whether it worked. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const focused = document.activeElement;
    const field = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    if (focused instanceof HTMLElement) focused.focus();
    return done;
  }
}

/** Starts the button in `element`; `props` and `watch` are those of the page's component.
 * @param {Component<Props>} component */
export function mount({ element, trigger, props, watch }) {
  const root = element.querySelector(".link");
  const words = props.words[document.documentElement.lang.slice(0, 2)]; // head.html
  const link = new Link({ root, props, words, trigger });
  watch("opened", () => link.start());
  watch("value", () => link.soon());
  watch("returns", () => link.returned());
  watch("later", () => link.expect());
  link.start();
}
