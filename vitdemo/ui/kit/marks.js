// @ts-check
// gradio marks the inputs of an event that has ended as if they were streams that wait. At each step of each later
// event its page looks up and copies every part that was ever marked: half of what a new picture costs a browser.

(() => {
  const HOME = /\/assets\/statustracker-[^/]+\.js$/; // of the class that marks

  new PerformanceObserver((list, observer) => {
    const loaded = list.getEntries().find(({ name }) => HOME.test(name));
    if (!loaded) return;
    observer.disconnect();
    import(loaded.name).then(markOutputsOnly);
  }).observe({ type: "resource", buffered: true });

  /** @param {Record<string, any>} module */
  function markOutputsOnly(module) {
    const marker = Object.values(module).find((one) => one?.prototype?.resolve_args)?.prototype;
    if (!marker) return; // a gradio that marks in another way
    const resolve = marker.resolve_args;
    marker.resolve_args = function (event) {
      const outputs = this.fn_outputs[event.fn_index];
      return resolve.call(this, event).filter(({ id }) => outputs.includes(id));
    };
  }
})();
