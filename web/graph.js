// @ts-check
/** ComfyUI's graph: finding nodes in it, reading and setting their widgets. */

import { app } from "../../scripts/app.js";

/** @returns {any} the outermost graph of the workflow in front; null before there is one */
export const rootGraph = () => app.graph?.rootGraph ?? app.graph ?? null;

/** @returns {any} the workflow in front, one object a tab */
export const activeWorkflow = () =>
  /** @type {any} */ (app.extensionManager)?.workflow?.activeWorkflow ?? null;

/** @param {any} node */
export const isOurs = (node) => String(node?.comfyClass ?? node?.type ?? "").startsWith("Venice");

/**
 * Every node, those in subgraphs too, each once, as there may be several instances of one.
 * @returns {Generator<any>}
 */
export function* allNodes(graph = rootGraph(), seen = new Set()) {
  if (!graph || seen.has(graph)) return;
  seen.add(graph);
  for (const node of graph.nodes ?? graph._nodes ?? []) {
    yield node;
    if (node.subgraph) yield* allNodes(node.subgraph, seen);
  }
}

/**
 * The nodes on the way to an execution id such as "4:7", outermost first, each with the rest of
 * the id, which is "" for the node itself. Empty where the graph has no such node.
 * @param {string} executionId
 * @returns {{node: any, rest: string}[]}
 */
export function nodesOf(executionId) {
  const ids = String(executionId).split(":");
  const found = [];
  let graph = rootGraph();
  for (const [i, id] of ids.entries()) {
    const node = graph?.getNodeById(id) ?? graph?.getNodeById(Number(id));
    if (!node) return [];
    found.push({ node, rest: ids.slice(i + 1).join(":") });
    graph = node.subgraph;
  }
  return found;
}

/** @param {string} executionId */
export const nodeOf = (executionId) => nodesOf(executionId).at(-1)?.node ?? null;

/**
 * @param {any} node
 * @param {string} name
 */
export const widgetOf = (node, name) =>
  node?.widgets?.find((/** @type {any} */ widget) => widget.name === name);

/**
 * Sets a widget as a person would.
 * @param {any} node
 * @param {string} name
 * @param {any} value
 */
export function setWidget(node, name, value) {
  const widget = widgetOf(node, name);
  if (!widget || widget.value === value) return;
  widget.value = value;
  widget.callback?.(value, app.canvas, node);
  node.setDirtyCanvas?.(true, true);
}

/** Makes one step for undo of what was changed, as the page does after a click. */
export function rememberChange() {
  const tracker = activeWorkflow()?.changeTracker;
  if (tracker?.captureCanvasState) tracker.captureCanvasState();
  else tracker?.checkState?.();
}

/**
 * Writes what the page changed of a node by itself into the state that undo compares with: it is
 * no step of undo, and loses nobody the way forward.
 * @param {any} node
 * @param {Record<string, any>} changes
 */
export function keepOutOfUndo(node, changes) {
  const nodes = graphOfUndo(node)?.nodes;
  if (!nodes) return;
  const known =
    savedById.get(nodes) ?? new Map(nodes.map((/** @type {any} */ one) => [String(one.id), one]));
  savedById.set(nodes, known);
  const saved = known.get(String(node.id));
  if (saved) Object.assign(saved, JSON.parse(JSON.stringify(changes)));
}

/** The saved nodes of a graph, which may be ten thousand, by id.
 * @type {WeakMap<any[], Map<string, any>>} */
const savedById = new WeakMap();

/** The graph of a node in the state that undo compares with.
 * @param {any} node */
function graphOfUndo(node) {
  const state = activeWorkflow()?.changeTracker?.activeState;
  const graphs = [state, ...(state?.definitions?.subgraphs ?? [])];
  return graphs.find((one) => one && one.id === node.graph?.id) ?? state;
}

/** The same for the sockets of a node, and for the links that other numbers of sockets move.
 * @param {any} node */
export function keepSocketsOutOfUndo(node) {
  if (!node.graph) return;
  keepOutOfUndo(node, { inputs: node.serialize().inputs });
  for (const link of graphOfUndo(node)?.links ?? []) {
    // An array [id, from, slot, to, slot, type], in a subgraph an object.
    const now = node.graph.getLink?.(link.id ?? link[0]);
    if (!now || String(now.target_id) !== String(node.id)) continue;
    if (Array.isArray(link)) link[4] = now.target_slot;
    else link.target_slot = now.target_slot;
  }
}

/**
 * Resizes a node on the page's own account.
 * @param {any} node
 * @param {[number, number]} size
 */
export function resize(node, size) {
  if (node.size[0] === size[0] && node.size[1] === size[1]) return;
  node.setSize(size);
  keepOutOfUndo(node, { size: [node.size[0], node.size[1]] });
}

/**
 * The node whose output comes into this input, and the output's index; null without a link.
 * @param {any} node
 * @param {string} name
 * @returns {{node: any, slot: number} | null}
 */
export function sourceOf(node, name) {
  const index = node.inputs?.findIndex((/** @type {any} */ input) => input.name === name) ?? -1;
  return index < 0 ? null : sourceOfSlot(node, index);
}

/**
 * @param {any} node
 * @param {number} index
 */
export function sourceOfSlot(node, index) {
  const linkId = node.inputs?.[index]?.link;
  if (linkId === null || linkId === undefined) return null;
  const link = node.graph?.getLink?.(linkId) ?? node.graph?.links?.[linkId];
  const source = link && node.graph.getNodeById(link.origin_id);
  return source ? { node: source, slot: link.origin_slot } : null;
}

/**
 * @param {any} node
 * @param {string} name
 */
export const isLinked = (node, name) =>
  (node.inputs?.find((/** @type {any} */ input) => input.name === name)?.link ?? null) !== null;

/** Whether nodes are drawn by Vue instead of on the canvas. */
export const drawnByVue = () => Boolean(/** @type {any} */ (window).LiteGraph?.vueNodesMode);

/** Whether App mode shows the inputs, which is drawn by Vue in either renderer. */
export const inAppMode = () =>
  document.querySelector('[data-testid="app-mode-widget-item"]') !== null;

/**
 * Adds a node to the graph in front, at a place of that graph.
 * @param {string} type
 * @param {[number, number]} position
 */
export function addNode(type, position) {
  const node = /** @type {any} */ (window).LiteGraph.createNode(type);
  if (!node) throw new Error(`This ComfyUI has no node ${type}.`);
  node.pos = position;
  /** @type {any} */ (app.canvas).graph.add(node);
  return node;
}

/**
 * The middle of what is seen of the graph.
 * @returns {[number, number]}
 */
export function middleOfView() {
  const [x, y, width, height] = /** @type {any} */ (app.canvas).ds.visible_area ?? [0, 0, 800, 600];
  return [x + width / 2 - 100, y + height / 2 - 100];
}

/** Draws the canvas anew. */
export const redraw = () => app.canvas?.setDirty(true, true);
