// @ts-check
// Everything that is said of maps of patches, from the page's dictionary.

export class Words {
  /** `dictionaries`: language -> key -> text with {gaps}. */
  constructor(dictionaries) {
    this.texts = dictionaries[document.documentElement.lang.slice(0, 2)]; // head.html
  }

  /** The text called `key`, its {gaps} filled. */
  say(key, gaps = {}) {
    return this.texts[key].replace(/\{(\w+)\}/g, (_, gap) => gaps[gap]);
  }

  /** Puts its text into every element of `root` that names one. */
  fill(root) {
    for (const element of root.querySelectorAll("[data-word]")) element.textContent = this.say(element.dataset.word);
    for (const element of root.querySelectorAll("[data-name]")) {
      element.setAttribute("aria-label", this.say(element.dataset.name));
    }
  }

  patch(patch, grid) {
    return this.say("patch", { patch, row: Math.floor(patch / grid[1]), column: patch % grid[1] });
  }

  percent(share) {
    return this.say("percent", { number: (100 * share).toFixed(1) });
  }
}
