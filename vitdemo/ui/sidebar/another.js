// @ts-check
// A network that the menu does not have, by its name, and one that must be downloaded: the server looks it up, the
// visitor says whether it is fetched, and may cancel that. Entry point: mount().

/** @import { Component, Dictionaries } from "../kit/types.d.ts" */

/** What the server says, as JSON. `line`: of a network or of what went wrong, a `problem` then. `look`: a name that
 * the page came with, in the address `search`. `key`: of a network that may be fetched, at once if it says `now`. `show`: of one that is there.
 * @typedef {{ line?: string, problem?: boolean, look?: string, search?: string, key?: string, now?: boolean, show?: string }} Said */

class Another {
  constructor({ element, trigger, props, words }) {
    this.trigger = trigger;
    this.props = props;
    this.words = words;
    this.key = "";
    this.search = "";
    this.details = element.querySelector("details");
    this.field = element.querySelector("input");
    this.offer = element.querySelector(".offer");
    this.line = this.offer.querySelector("p");
    this.get = this.offer.querySelector("[data-do=fetch]");
    this.cancel = this.offer.querySelector("[data-do=stop]");
    element.querySelector("summary").textContent = words.summary;
    element.querySelector("[type=submit]").textContent = words.look;
    element.querySelector(".note").textContent = words.explain;
    this.field.placeholder = "owner/repo";
    this.field.setAttribute("aria-label", words.field);
    this.get.textContent = words.fetch;
    this.cancel.textContent = words.stop;
    element.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.look();
    });
    this.get.addEventListener("click", () => this.fetch());
    this.cancel.addEventListener("click", () => this.stop());
  }

  follow() {
    /** @type {Said} */
    const { line = "", problem = false, look = "", search = "", key = "", now = false, show = "" } =
      JSON.parse(this.props.value);
    this.key = key;
    this.say(line, { problem, offered: Boolean(key) && !now });
    if (look) {
      this.details.open = true;
      this.field.value = look;
      this.look();
      this.search = search;
    }
    if (now) this.fetch();
    if (show) {
      window.fadeStale();
      this.trigger("show", { key: show, search: this.search });
    }
  }

  look() {
    this.search = ""; // that of a link is for the network which it names
    this.say(this.words.looking, { busy: true });
    this.trigger("look", { name: this.field.value });
  }

  fetch() {
    this.say(this.line.textContent, { busy: true });
    this.trigger("fetch", { key: this.key });
  }

  stop() {
    this.trigger("stop", {});
    this.say("");
  }

  /** `offered`: the visitor may have it fetched. `busy`: they may cancel what is going on. */
  say(line, { problem = false, offered = false, busy = false } = {}) {
    this.line.textContent = line;
    this.offer.hidden = !line;
    this.offer.classList.toggle("problem", problem);
    this.get.hidden = !offered;
    this.cancel.hidden = !(offered || busy);
  }
}

/** Starts it in `element`; `trigger`, `props` and `watch` are those of the page's component.
 * @param {Component<{ value: string, words: Dictionaries }>} component */
export function mount({ element, trigger, props, watch }) {
  const words = props.words[document.documentElement.lang.slice(0, 2)]; // head.html
  const another = new Another({ element, trigger, props, words });
  watch("value", () => another.follow());
  another.follow();
}
