// Where the words of the field stand first.
import assert from "node:assert/strict";
import test from "node:test";

import { find } from "../../vitdemo/ui/about/find.js";

/** What was found, as text. */
const found = (texts, words) => Object.fromEntries(find(texts, words).map(({ word, text, start, end }) => [words[word], [text, texts[text].slice(start, end)]]));

test("the first of each word counts, in the plural and in capitals too", () => {
  const texts = ["Kept Patches and heads", "a patch, its head", "tokens"];
  assert.deepEqual(found(texts, ["Patch", "Head", "Token", "Layer"]), { Patch: [0, "Patches"], Head: [0, "heads"], Token: [2, "tokens"] });
});

test("a part of a word is not the word", () => {
  assert.deepEqual(found(["overhead, heading, multi-head", "a head"], ["Head"]), { Head: [1, "head"] });
});

test("what belongs to a longer word is not another one", () => {
  assert.deepEqual(found(["注意力展开", "注意力"], ["注意力", "注意力展开"]), { 注意力展开: [0, "注意力展开"], 注意力: [1, "注意力"] });
  assert.deepEqual(found(["层"], ["头"]), {});
});
