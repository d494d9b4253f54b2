// @ts-check
/** The lines that a node of ours carries below its inputs: price, what is sent, status, buttons. */

import { app } from "../../scripts/app.js";
import { element } from "./elements.js";
import { drawnByVue, redrawWires, resize } from "./graph.js";

const NAME = "venice";
const MARGIN = 6;
/** What the canvas leaves between widgets: an empty panel takes none of it. */
const GAP = 4;

/** @type {WeakMap<any, Panel>} */
const panels = new WeakMap();

/**
 * The parts of a panel, each an element that one room fills.
 * @typedef {{root: HTMLElement, sent: HTMLElement, status: HTMLElement, tools: HTMLElement}} Panel
 */

/**
 * The panel of a node, made at its first use. Of a subgraph's outer node too.
 * @param {any} node
 * @returns {Panel | null}
 */
export function panelOf(node) {
  const known = panels.get(node);
  if (known) {
    mount(node, known.root);
    return known;
  }
  if (!node.addDOMWidget) return null;
  const [tools, sent, status] = ["tools", "sent", "status"].map((part) =>
    element("div", { class: `venice-${part}` }),
  );
  const content = element("div", { class: "venice-panel" }, tools, sent, status);
  const root = element("div", { class: "venice-panel-place" }, content);
  const panel = { root, sent, status, tools };
  panels.set(node, panel);
  let height = 0;
  const widget = node.addDOMWidget(NAME, NAME, root, {
    serialize: false,
    hideOnZoom: false,
    margin: MARGIN,
    getValue: () => "",
    setValue: () => {},
  });
  widget.serialize = false;
  // As high as its lines, in both renderers: what is left over belongs to the text boxes.
  widget.computeLayoutSize = undefined;
  widget.computeSize = (/** @type {number} */ width) => [
    width,
    height ? height + 2 * MARGIN : -GAP,
  ];
  new ResizeObserver(() => {
    const now = content.offsetHeight;
    if (!root.isConnected || now === height) return;
    height = now;
    fitToContent(node);
  }).observe(content);
  return panel;
}

/**
 * Vue keeps what it shows of a node that undo made again, the old node's panel too: the new one
 * takes its place.
 * @param {any} node
 * @param {HTMLElement} root
 */
function mount(node, root) {
  if (root.isConnected || !drawnByVue() || app.canvas.graph !== node.graph) return;
  const shown = document.querySelector(`[data-node-id="${Number(node.id)}"] .venice-panel-place`);
  shown?.replaceWith(root);
}

/** What a person or a file made a node's height, what it needed, and what the page made of both.
 * @type {WeakMap<any, {own: number, needed: number, made: number}>} */
const heights = new WeakMap();

/**
 * Makes a new node as high as its widgets need. Nobody chose that: it follows what they need.
 * @param {any} node
 * @param {number} minWidth
 */
export function fitNew(node, minWidth) {
  const needed = node.computeSize()[1];
  node.setSize([Math.max(node.size[0], minWidth), needed]);
  heights.set(node, { own: 0, needed, made: node.size[1] });
}

/**
 * Makes a node as high as its widgets need, and gives the room back when they need less; never
 * lower than a person or a file made it. Vue does so itself.
 * @param {any} node
 * @param {boolean} isOtherInputs whether a person chose other inputs: the room above them stays
 */
export function fitToContent(node, isOtherInputs = false) {
  if (!drawnByVue()) {
    const [width, needed] = node.computeSize();
    const before = heights.get(node);
    let own = before && before.made === node.size[1] ? before.own : node.size[1];
    if (before && isOtherInputs) own += needed - before.needed;
    resize(node, [Math.max(node.size[0], width), Math.max(own, needed)]);
    heights.set(node, { own, needed, made: node.size[1] });
  }
  redrawWires();
}
