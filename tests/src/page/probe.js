// Looks at the page as it is shown, and returns what is to be judged.
const shown = (element) => {
  const box = element.getBoundingClientRect();
  return box.width > 0 && box.height > 0 && getComputedStyle(element).visibility !== "hidden";
};

// Every closed part is looked at too.
for (const part of document.querySelectorAll("details")) part.open = true;

const channels = (text) => {
  const numbers = text.match(/[\d.]+/g).map(Number);
  return numbers.length < 4 ? [...numbers, 1] : numbers;
};
const over = ([r, g, b, a], behind) =>
  [r, g, b].map((value, at) => value * a + behind[at] * (1 - a));
const luminance = (colour) => {
  const [r, g, b] = colour.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const background = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) {
    layers.push(channels(getComputedStyle(at).backgroundColor));
  }
  const paper = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
  return layers.reduceRight((behind, layer) => over(layer, behind), paper);
};
const contrast = (element) => {
  const style = getComputedStyle(element);
  const behind = background(element);
  const ink = channels(element instanceof SVGElement ? style.fill : style.color);
  const [a, b] = [luminance(over(ink, behind)), luminance(behind)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
};

const texts = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement;
  if (node.textContent.trim() && !element.closest("title, desc, style") && shown(element)) {
    texts.push([element, node.textContent.trim().slice(0, 40)]);
  }
}
const faint = texts
  .map(([element, text]) => [text, contrast(element)])
  .filter(([, value]) => value < least);

const width = document.documentElement.clientWidth;
const inBox = (element) => element.parentElement && element.parentElement.closest(".wide, pre, svg");
const wide = [...document.body.querySelectorAll("*")]
  .filter((element) => shown(element) && !inBox(element) && element.getBoundingClientRect().right > width + 0.5)
  .map((element) => `${element.tagName.toLowerCase()}.${element.className}`);

// A plot shows something where a mark of it lies within its frame.
const plots = [...document.querySelectorAll('svg[role="img"]')];
const marks = (plot) =>
  [...plot.querySelectorAll("svg polyline, svg path, svg rect")].filter((mark) => {
    const box = mark.getBBox();
    return box.width > 0 || box.height > 0;
  });
const named = (plot) =>
  ["title", "desc"].every((name) => plot.querySelector(`:scope > ${name}`)?.textContent);

return {
  overflow: Math.max(0, document.documentElement.scrollWidth - width),
  wide: wide.slice(0, 5),
  faint: faint.slice(0, 10),
  texts: texts.length,
  empty: plots.filter((plot) => marks(plot).length === 0).map((plot) => plot.getAttribute("aria-label")),
  plots: plots.length,
  nameless: plots.filter((plot) => !named(plot)).length,
  fetched: performance.getEntriesByType("resource").map((entry) => entry.name),
};
