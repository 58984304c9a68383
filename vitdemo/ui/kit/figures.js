// @ts-check
// Charts as PNG: a click on .save-figure saves the figure around it, in the colours that it has now, with the network
// that it is about.

const SCALE = 2; // pixels of the picture for one of the page
const [PAD, LINE, SIZE] = [16, 20, 14];
const STYLES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity",
  "font-family", "font-size", "font-weight", "font-variant-numeric"];

document.addEventListener("click", ({ target }) => {
  const figure = target instanceof Element && target.closest(".save-figure")?.closest("figure");
  if (figure) save(figure);
});

async function save(figure) {
  const [svg, caption] = [figure.querySelector(":scope > svg"), figure.querySelector("figcaption").textContent];
  const { width, height } = svg.getBoundingClientRect();
  const sheet = document.createElement("canvas");
  const context = sheet.getContext("2d");
  const font = `${SIZE}px ${getComputedStyle(figure).fontFamily}`;
  context.font = font;
  const credit = document.querySelector("[data-credit]")?.getAttribute("data-credit") ?? "";
  const fits = (line) => context.measureText(line).width <= width;
  const words = [caption, credit].flatMap((line) => (line ? broken(line, fits) : []));
  const legend = [...figure.querySelectorAll("li")];
  const top = PAD + words.length * LINE + 6;
  sheet.width = SCALE * (width + 2 * PAD);
  sheet.height = SCALE * (top + height + legend.length * LINE + PAD);
  context.scale(SCALE, SCALE);
  context.fillStyle = getComputedStyle(document.body).backgroundColor;
  context.fillRect(0, 0, sheet.width, sheet.height);
  context.drawImage(await drawn(svg, width, height), PAD, top, width, height);
  const ink = getComputedStyle(figure).color;
  Object.assign(context, { font, fillStyle: ink, textBaseline: "middle" });
  words.forEach((line, index) => context.fillText(line, PAD, PAD + (index + 0.5) * LINE));
  legend.forEach((item, index) => {
    const y = top + height + (index + 0.5) * LINE;
    const { stroke, strokeDasharray } = getComputedStyle(item.querySelector("polyline"));
    context.setLineDash(strokeDasharray === "none" ? [] : strokeDasharray.split(",").map(parseFloat));
    Object.assign(context, { strokeStyle: stroke, lineWidth: 2 });
    context.stroke(new Path2D(`M ${PAD} ${y} h 24`));
    context.fillText(item.textContent, PAD + 32, y);
  });
  const blob = await new Promise((done) => { sheet.toBlob(done, "image/png"); });
  const name = caption.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 60);
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: `${name}.png` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** The SVG as a picture; as a file it has no style sheet, so each part takes its style along. */
async function drawn(svg, width, height) {
  const copy = svg.cloneNode(true);
  const parts = [svg, ...svg.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((part, index) => {
    const style = getComputedStyle(parts[index]);
    for (const name of STYLES) part.style.setProperty(name, style.getPropertyValue(name));
  });
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  const text = new XMLSerializer().serializeToString(copy);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  return image;
}

/** `text` in lines that fit.
 * @param {string} text
 * @param {(line: string) => boolean} fits
 * @returns {string[]} */
export function broken(text, fits) {
  const lines = [""];
  for (const part of text.trim().split(/(?<=[\s，。：；])/)) {
    if (fits(lines.at(-1) + part)) lines[lines.length - 1] += part;
    else lines.push(part);
  }
  return lines.filter((line) => line.trim());
}
