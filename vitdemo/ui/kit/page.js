() => {
  // Who lets go of the ratio where it was asks for nothing new: the result is on the page.
  document.addEventListener("pointerup", (event) => {
    const { target } = event;
    if (!(target instanceof HTMLInputElement && target.matches("#ratio [type=range]")) || document.body.classList.contains("stale")) return;
    if (window.isShown?.(Number(target.value))) event.stopImmediatePropagation();
  }, true);

  // gradio's sliders report `release` for the pointer only: let the keyboard count too.
  document.addEventListener("keyup", (event) => {
    const target = event.target;
    if (!(target instanceof HTMLInputElement)) return;
    const moves = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"];
    if (target.type === "range" && moves.includes(event.key)) {
      target.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }));
    } else if (target.type === "number" && event.key === "Enter") {
      target.blur();
    }
  });
}
