// For tests/engine/test_look.py: reads states from the standard input, and writes the first state, the names of all
// parameters, and the parameters of each state.
import { readFileSync } from "node:fs";

import { FIRST, PARAMETERS, toLink } from "../../vitdemo/ui/kit/look.js";

const links = JSON.parse(readFileSync(0, "utf-8")).map((state) => {
  const parameters = new URLSearchParams(Object.entries(toLink(state)));
  return Object.fromEntries(parameters);
});
process.stdout.write(JSON.stringify({ first: FIRST, parameters: PARAMETERS, links }));
