// What gradio's components lack for those who listen, and for those who use the keyboard alone.

(() => {
  const NAMELESS = ".thumbnail-item[aria-label^='Thumbnail ']"; // "Thumbnail 1 of 10" tells nothing
  const WIDE = ":is(#card table, .facts):not([tabindex])"; // they scroll sideways where a screen is narrow

  function mend() {
    for (const button of document.querySelectorAll(NAMELESS)) {
      const name = button.querySelector("img")?.alt;
      if (name) button.setAttribute("aria-label", name);
    }
    for (const empty of document.querySelectorAll("div.empty[aria-label]")) empty.removeAttribute("aria-label");
    for (const table of document.querySelectorAll(WIDE)) table.tabIndex = 0;
  }

  const watched = { subtree: true, childList: true, attributeFilter: ["aria-label", "alt"] };
  new MutationObserver(mend).observe(document.documentElement, watched);

  document.addEventListener("click", (event) => {
    if (!event.target.matches?.(".skip")) return;
    event.preventDefault(); // gradio's <base> would make the page load anew
    const goal = document.querySelector(event.target.hash);
    goal.tabIndex = -1;
    goal.focus();
  });
})();
