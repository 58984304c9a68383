// @ts-check
// Which tab is open: the one place that asks the page. session.py tells the server, link.js the address.

/** The id of the open tab, such as "tab-attention"; null before there are tabs. */
window.findOpenTab = () => {
  const button = document.querySelector("#tabs [role=tablist] [aria-selected=true]");
  return button && button.id.replace(/-button$/, "");
};
