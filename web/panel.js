// @ts-check
/** The lines that a node of ours carries below its inputs: what is sent, status, buttons. */

import { addPlace, drawnByVue, redrawWires } from "./comfy.js";
import { element } from "./elements.js";
import { resize } from "./graph.js";

/**
 * The parts of a panel, each an element that one room fills; and whether the node has it in place.
 * @typedef {{sent: HTMLElement, status: HTMLElement, tools: HTMLElement, isPlaced: () => boolean,
 *   place: () => () => boolean}} Panel
 */

/** @type {WeakMap<any, Panel>} */
const panels = new WeakMap();

/**
 * The panel of a node, made at its first use. Of a subgraph's outer node too.
 * @returns {Panel | null}
 */
export function panelOf(node) {
  if (!node.addDOMWidget) return null;
  const panel = panels.get(node) ?? makePanel(node);
  if (!panel.isPlaced()) panel.isPlaced = panel.place();
  return panel;
}

/** @returns {Panel} */
function makePanel(node) {
  const [tools, sent, status] = ["tools", "sent", "status"].map((part) =>
    element("div", { class: `venice-${part}` }),
  );
  const content = element("div", { class: "venice-panel" }, tools, sent, status);
  const root = element("div", { class: "venice-panel-place" }, content);
  let height = 0;
  new ResizeObserver(() => {
    const now = content.offsetHeight;
    if (!root.isConnected || now === height) return;
    height = now;
    fitToContent(node);
  }).observe(content);
  const place = () => addPlace(node, root, () => height);
  const panel = { sent, status, tools, isPlaced: () => false, place };
  panels.set(node, panel);
  return panel;
}

/** What a person or a file made a node's height, what it needed, and what the page made of both.
 * @type {WeakMap<any, {own: number, needed: number, made: number}>} */
const heights = new WeakMap();

/**
 * Makes a new node as high as its widgets need. Nobody chose that: it follows what they need.
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
