// @ts-check
/** The lines below the inputs of a node: buttons, warnings, status. */

import { addPlace, drawnByVue, redrawWires } from "./comfy.js";
import { element } from "./elements.js";
import { resize } from "./graph.js";

/**
 * The parts of a panel, each filled by one module.
 * @typedef {{sent: HTMLElement, status: HTMLElement, tools: HTMLElement, isPlaced: () => boolean,
 *   place: () => () => boolean}} Panel
 */

/** @type {WeakMap<GraphNode, Panel>} */
const panels = new WeakMap();

/** The panel of a node or of a subgraph's node. @param {GraphNode} node @returns {Panel | null} */
export function panelOf(node) {
  if (!node.addDOMWidget) return null;
  const panel = panels.get(node) ?? makePanel(node);
  if (!panel.isPlaced()) panel.isPlaced = panel.place();
  return panel;
}

/** @param {GraphNode} node @returns {Panel} */
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

/** The height that a person or a file gave a node, the height it needed, and the one it got.
 * @type {WeakMap<GraphNode, {own: number, needed: number, made: number}>} */
const heights = new WeakMap();

/** Make a new node as high as its widgets need. Nobody chose this height, so it may shrink later.
 * @param {GraphNode} node @param {number} minWidth */
export function fitNew(node, minWidth) {
  const needed = node.computeSize()[1];
  node.setSize([Math.max(node.size[0], minWidth), needed]);
  heights.set(node, { own: 0, needed, made: node.size[1] });
}

/**
 * Make a node as high as its widgets need, but never lower than a person or a file made it. Vue does
 * that itself.
 * @param {GraphNode} node
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
