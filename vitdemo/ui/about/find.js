// @ts-check
// Where words stand in texts.

const LETTER = /\p{Script=Latin}/u;

/** The first place of each of `words` in `texts`, the plural included: [{ word, text, start, end }], both as numbers.
 * A longer word takes its letters with it: what is in "pruning ratio" is no "ratio".
 * @param {string[]} texts
 * @param {string[]} words
 * @returns {{ word: number, text: number, start: number, end: number }[]} */
export function find(texts, words) {
  const taken = texts.map(() => []);
  const order = words.map((word, index) => ({ word, index })).sort((a, b) => b.word.length - a.word.length);
  return order.flatMap(({ word, index }) => {
    const pattern = new RegExp(LETTER.test(word) ? `(?<![\\p{L}-])${word}(?:e?s)?(?![\\p{L}-])` : word, "giu");
    for (const [text, data] of texts.entries()) {
      for (const { index: start, 0: found } of data.matchAll(pattern)) {
        const end = start + found.length;
        if (taken[text].some(([from, to]) => start < to && from < end)) continue;
        taken[text].push([start, end]);
        return [{ word: index, text, start, end }];
      }
    }
    return [];
  });
}
