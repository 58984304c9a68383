// @ts-check
// What is shown fades as soon as something new is asked for, and until all of it is there; but not what the browser
// has answered by itself.

window.fadeStale = (() => {
  const BUSY = "#headline .pending, #right .pending, #right .wrap:is(.minimal, .full):not(.hide)"; // gradio's marks
  const [PAUSE, QUIET] = [100, 4]; // milliseconds between two looks, and looks without a mark: a part follows another
  let timer = null;

  return (answered = false) => {
    let quiet = 0;
    clearInterval(timer);
    document.body.classList.add("stale");
    document.body.classList.toggle("answered", answered);
    timer = setInterval(() => {
      quiet = document.querySelector(BUSY) ? 0 : quiet + 1;
      if (quiet < QUIET) return;
      clearInterval(timer);
      document.body.classList.remove("stale");
    }, PAUSE);
  };
})();
