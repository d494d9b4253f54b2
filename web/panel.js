// @ts-check
/** The lines that a node of ours carries below its inputs: price, what is sent, status, buttons. */

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
 * @typedef {{sent: HTMLElement, status: HTMLElement, tools: HTMLElement}} Panel
 */

/**
 * The panel of a node, made at its first use. Of a subgraph's outer node too.
 * @param {any} node
 * @returns {Panel | null}
 */
export function panelOf(node) {
  const known = panels.get(node);
  if (known) return known;
  if (!node.addDOMWidget) return null;
  const panel = {
    sent: element("div", { class: "venice-sent" }),
    status: element("div", { class: "venice-status" }),
    tools: element("div", { class: "venice-tools" }),
  };
  panels.set(node, panel);
  const content = element("div", { class: "venice-panel" }, panel.tools, panel.sent, panel.status);
  const root = element("div", { class: "venice-panel-place" }, content);
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
