// Prints what the page's scripts make of packed passes: from [{ payload, looks }] to a row a look, null for NaN.
import { readFileSync } from "node:fs";

import { decode } from "../../vitdemo/ui/tabs/attention/data.js";
import { explain, explainAll } from "../../vitdemo/ui/tabs/attention/maths.js";

globalThis.Image = class {
  async decode() {}
};

const found = [];
for (const { payload, looks } of JSON.parse(readFileSync(0, "utf8"))) {
  const { pruned } = (await decode(payload)).passes;
  found.push({
    rows: looks.map((look) => Array.from(explain(pruned, look))),
    all: looks.map((look) => explainAll(pruned, look).map((layer) => layer.map((row) => Array.from(row)))),
  });
}
console.log(JSON.stringify(found));
