(ratio, headline) => {
  // The answer at `ratio` in place of the shown one, where the browser knows it (tabs/prediction/film.js).
  const step = window.atRatio?.(ratio);
  const box = Object.assign(document.createElement("div"), { innerHTML: headline });
  const [label, share] = box.querySelectorAll(".answer > *");
  if (!step?.top.length || !share) return headline;
  const [best, probability] = step.top[0];
  label.textContent = best;
  share.textContent = share.textContent.replace(/[\d.]+/, (100 * probability).toFixed(1));
  box.querySelector(".path").textContent = step.tokens.join(" → ");
  return box.innerHTML.replace(/[${}`\\]/g, (sign) => `&#${sign.charCodeAt(0)};`); // as html.py
}
