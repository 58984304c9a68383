// @ts-check
// What gradio's components lack for those who listen, and for those who use the keyboard alone.

(() => {
  const WIDE = ":is(#card table, .facts):not([tabindex])"; // they scroll sideways where a screen is narrow

  function mend() {
    // "Thumbnail 1 of 10" tells nothing: each is called as its picture is now.
    for (const button of document.querySelectorAll(".thumbnail-item")) {
      const name = button.querySelector("img")?.alt;
      if (name && name !== button.ariaLabel) button.ariaLabel = name;
    }
    for (const empty of document.querySelectorAll("div.empty[aria-label]")) empty.removeAttribute("aria-label");
    for (const table of document.querySelectorAll(WIDE)) table.setAttribute("tabindex", "0");
  }

  const watched = { subtree: true, childList: true, attributeFilter: ["aria-label", "alt"] };
  new MutationObserver(mend).observe(document.documentElement, watched);

  document.addEventListener("click", (event) => {
    const link = event.target;
    if (!(link instanceof HTMLAnchorElement && link.matches(".skip"))) return;
    event.preventDefault(); // gradio's <base> would make the page load anew
    const goal = /** @type {HTMLElement} */ (document.querySelector(link.hash));
    goal.tabIndex = -1;
    goal.focus();
  });
})();
