// @ts-check
// Token surgery: a grid of buttons over the picture. Python sends the picture and what each stage drops;
// every change goes back as the lists of forced patches. Undo and redo live here.

/** @import { Component, Dictionaries } from "../../kit/types.d.ts" */

const NEXT = { auto: "drop", drop: "keep", keep: "auto" };
const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

class Board {
  constructor({ root, trigger, words }) {
    this.root = root;
    this.trigger = trigger;
    this.words = words;
    this.data = null;
    this.past = [];
    this.future = [];
    this.states = [];
    for (const node of root.querySelectorAll("[data-word]")) node.textContent = words[node.dataset.word];
    this.cells = root.querySelector(".cells");
    this.cells.setAttribute("aria-label", words.board);
    this.cells.addEventListener("keydown", (event) => this.move(event));
    for (const button of root.querySelectorAll("[data-do]")) {
      button.addEventListener("click", () => this[button.dataset.do]());
    }
    this.show();
  }

  /** Takes what Python sent, or nothing. */
  load(value) {
    const data = value ? JSON.parse(value) : null;
    this.data = data;
    this.past = [];
    this.future = [];
    this.states = data ? data.stage.map(() => "auto") : [];
    const picture = this.root.querySelector("img");
    if (data) picture.src = data.view;
    else picture.removeAttribute("src");
    this.cells.replaceChildren();
    if (data) this.build(...data.grid);
    this.show();
  }

  build(rows, columns) {
    this.cells.style.setProperty("--columns", columns);
    for (let row = 0; row < rows; row++) {
      const line = document.createElement("div");
      line.setAttribute("role", "row");
      for (let column = 0; column < columns; column++) {
        const cell = document.createElement("button");
        const patch = row * columns + column;
        cell.type = "button";
        cell.setAttribute("role", "gridcell");
        cell.dataset.patch = String(patch);
        cell.tabIndex = patch === 0 ? 0 : -1;
        cell.addEventListener("click", () => this.turn(patch));
        cell.addEventListener("focus", () => this.enter(cell));
        line.append(cell);
      }
      this.cells.append(line);
    }
  }

  all() {
    return this.cells.querySelectorAll("button");
  }

  /** Only one cell is a stop of the Tab key: the one that had the focus last. */
  enter(cell) {
    for (const other of this.all()) other.tabIndex = other === cell ? 0 : -1;
  }

  move(event) {
    const step = MOVES[event.key];
    if (!step || !this.data) return;
    event.preventDefault();
    const [rows, columns] = this.data.grid;
    const patch = Number(event.target.dataset.patch);
    const row = Math.min(Math.max(Math.floor(patch / columns) + step[0], 0), rows - 1);
    const column = Math.min(Math.max((patch % columns) + step[1], 0), columns - 1);
    this.all()[row * columns + column].focus();
  }

  turn(patch) {
    this.change(this.states.map((state, index) => (index === patch ? NEXT[state] : state)));
  }

  only() {
    this.change(this.states.map((state) => (state === "keep" ? "keep" : "drop")));
  }

  reset() {
    this.change(this.states.map(() => "auto"));
  }

  undo() {
    this.future.push(this.states);
    this.put(this.past.pop());
  }

  redo() {
    this.past.push(this.states);
    this.put(this.future.pop());
  }

  change(states) {
    this.past.push(this.states);
    this.future = [];
    this.put(states);
  }

  put(states) {
    this.states = states;
    this.show();
    this.trigger("edit", { key: this.data.key, keep: this.having("keep"), drop: this.having("drop") });
  }

  having(wanted) {
    return this.states.flatMap((state, patch) => (state === wanted ? [patch] : []));
  }

  show() {
    const { words, data, states } = this;
    const columns = data ? data.grid[1] : 1;
    this.all().forEach((cell, patch) => {
      const state = states[patch];
      const stage = state === "auto" ? data.stage[patch] : 0;
      cell.dataset.state = state;
      cell.dataset.stage = stage;
      cell.textContent = stage || "";
      const said = fill(stage ? words.pruned : words[state], { stage });
      const place = { patch, row: Math.floor(patch / columns), column: patch % columns, state: said };
      cell.setAttribute("aria-label", fill(words.cell, place));
    });
    const count = { keep: this.having("keep").length, drop: this.having("drop").length };
    this.root.querySelector(".summary").textContent = data ? fill(words.summary, count) : "";
    const able = { undo: this.past.length, redo: this.future.length, reset: count.keep + count.drop, only: count.keep };
    for (const [name, possible] of Object.entries(able)) {
      this.root.querySelector(`[data-do=${name}]`).disabled = !possible;
    }
    this.root.dataset.ready = data ? "full" : "empty";
  }
}

/** `text` with its {gaps} filled. */
function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (gap, name) => values[name] ?? gap);
}

/** @param {Component<{ value: string, words: Dictionaries }>} component */
export function mount({ element, trigger, props, watch }) {
  const words = props.words[document.documentElement.lang.slice(0, 2)]; // head.html
  const board = new Board({ root: element.querySelector(".lab-board"), trigger, words });
  const load = () => board.load(props.value);
  watch("value", load);
  load();
}
