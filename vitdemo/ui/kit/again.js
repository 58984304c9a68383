// @ts-check
// A server that has no room for a question refuses it in one sentence, with the seconds after which to come back.
// The page shows the sentence and asks again by itself.

(() => {
  const REFUSALS = [429, 503];
  const TRIES = 40;
  const ask = window.fetch.bind(window);
  let waiting = 0;

  window.fetch = async (address, options) => {
    let answer = await ask(address, options);
    if (!String(address).split("?")[0].endsWith("/queue/join")) return answer;
    for (let tries = 1; REFUSALS.includes(answer.status) && tries < TRIES; tries += 1) {
      const { detail } = await answer.json();
      waiting += 1;
      say(detail);
      await pause(Number(answer.headers.get("Retry-After")) || 2);
      waiting -= 1;
      answer = await ask(address, options);
    }
    if (waiting === 0) say("");
    return answer;
  };

  /** Some seconds and up to half as many again, so that those who were refused together come back one by one. */
  function pause(seconds) {
    return new Promise((done) => setTimeout(done, 1000 * seconds * (1 + Math.random() / 2)));
  }

  function say(sentence) {
    let line = document.getElementById("busy");
    if (!line) {
      line = Object.assign(document.createElement("p"), { id: "busy" });
      line.setAttribute("role", "status");
      document.body.append(line);
    }
    line.textContent = sentence;
  }
})();
