// @ts-check
// A page whose server is gone is opened anew by its address, as soon as another one answers: after a restart, or where
// several processes serve. The new one knows neither the old page's files nor its results.

(() => {
  const PAUSE = 2000; // milliseconds between two questions
  const ask = window.fetch.bind(window);

  window.fetch = async (address, options) => {
    const answer = await ask(address, options);
    if (String(address).includes("/heartbeat/")) follow(answer.clone());
    return answer;
  };

  /** Wait until the heartbeat, which lasts as long as its server, is over. Then wait for a server. */
  async function follow(heartbeat) {
    await heartbeat.text().catch(() => {});
    let found = await name();
    while (found === undefined) {
      await new Promise((done) => setTimeout(done, PAUSE));
      found = await name();
    }
    if (found !== window.gradio_config.app_id) location.reload();
  }

  /** What the process that answers now calls itself; undefined while none does. */
  async function name() {
    try {
      return (await (await ask(new URL("gradio_api/app_id", document.baseURI))).json()).app_id;
    } catch {
      return undefined;
    }
  }
})();
