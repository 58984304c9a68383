// A page whose server is gone is opened anew as soon as another one answers.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import vm from "node:vm";

const SCRIPT = readFileSync(new URL("../../vitdemo/ui/kit/moved.js", import.meta.url), "utf8");

/** Return how many times a page of process 1 was opened anew after its heartbeat broke, `answers` being those to
 * the question who is there: a number, or undefined where nobody answers. */
async function outlive(answers) {
  let [opened, end] = [0, () => {}];
  const heartbeat = new ReadableStream({ start: (stream) => { end = () => stream.error(new TypeError("network error")); } });
  const fetch = async (address) => {
    if (String(address).includes("/heartbeat/")) return new Response(heartbeat);
    const app_id = answers.shift();
    if (app_id === undefined) throw new TypeError("refused");
    return Response.json({ app_id });
  };
  const window = { fetch, gradio_config: { app_id: 1 } };
  const surroundings = { window, URL, document: { baseURI: "http://here/" }, location: { reload: () => { opened += 1; } }, setTimeout: setImmediate };
  vm.runInNewContext(SCRIPT, surroundings);
  await window.fetch("http://here/gradio_api/heartbeat/abc");
  const left = answers.length;
  await pass();
  assert.equal(answers.length, left, "nothing is asked while it beats");
  end();
  await pass();
  assert.equal(answers.length, 0);
  return opened;
}

async function pass() {
  for (let turns = 0; turns < 50; turns += 1) await new Promise(setImmediate);
}

test("another process: the page is opened anew", async () => assert.equal(await outlive([2]), 1));
test("the same one, for the connection alone was lost: it goes on", async () => assert.equal(await outlive([1]), 0));
test("nobody yet: it asks again", async () => assert.equal(await outlive([undefined, undefined, 2]), 1));
