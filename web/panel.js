// @ts-check
/** The lines that a node of ours carries below its inputs: price, what is sent, status, buttons. */

import { app } from "../../scripts/app.js";
import { element } from "./elements.js";
import { drawnByVue, resize } from "./graph.js";

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
    growToContent(node);
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

/**
 * Makes a node large enough for its widgets; Vue does so itself.
 * @param {any} node
 */
export function growToContent(node) {
  if (!drawnByVue()) {
    const [width, height] = node.computeSize();
    resize(node, [Math.max(node.size[0], width), Math.max(node.size[1], height)]);
  }
  node.setDirtyCanvas?.(true, true);
}
