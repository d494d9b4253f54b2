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
 * Whether a node is ours, or may have become one of several: the group nodes of frontend 1.27.
 * @param {any} node
 */
export const mayHoldOurs = (node) => isOurs(node) || /^workflow[>/]/.test(String(node?.type));

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
    if (!graph) break; // A group node: what it holds is no node of the page.
    const node = graph.getNodeById(id) ?? graph.getNodeById(Number(id));
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

/** What lies between nodes, and the least room of a new one: it grows by its lines, or a picture. */
const GAP = 60;
const ROOM = [300, 340];

/**
 * Adds a node to the graph in front: at this place or, where that is not free, at the nearest one
 * to the right or below that is. It is brought into view.
 * @param {string} type
 * @param {[number, number]} place
 */
export function addNode(type, place) {
  const node = /** @type {any} */ (window).LiteGraph.createNode(type);
  if (!node) throw new Error(`This ComfyUI has no node ${type}.`);
  const canvas = /** @type {any} */ (app.canvas);
  const size = ROOM.map((least, i) => Math.max(least, node.size[i]));
  node.pos = freePlace(canvas.graph, place, size);
  canvas.graph.add(node);
  // ComfyUI shows what a deleted node of the same number had made.
  if (canvas.graph === rootGraph()) delete (/** @type {any} */ (app).nodeOutputs?.[node.id]);
  const [x, y, width, height] = canvas.ds.visible_area ?? [];
  const isSeen =
    node.pos[0] >= x &&
    node.pos[1] >= y &&
    node.pos[0] + node.size[0] <= x + width &&
    node.pos[1] + node.size[1] <= y + height;
  if (!isSeen) canvas.centerOnNode?.(node);
  return node;
}

/**
 * The place nearest to one, to its right or below, where a node of this size is over no other.
 * Below counts as half as far: a wire to the right would pass behind what lies there.
 * @param {any} graph
 * @param {[number, number]} place
 * @param {number[]} size
 * @returns {[number, number]}
 */
function freePlace(graph, [x, y], [width, height]) {
  const title = /** @type {any} */ (window).LiteGraph.NODE_TITLE_HEIGHT;
  const nodes = graph.nodes ?? graph._nodes ?? [];
  const isFree = (/** @type {[number, number]} */ [left, top]) =>
    nodes.every(
      (/** @type {any} */ { pos, size }) =>
        left >= pos[0] + size[0] ||
        pos[0] >= left + width ||
        top - title >= pos[1] + size[1] ||
        pos[1] - title >= top + height,
    );
  /** @type {[number, number][]} */
  const places = [[x, y]];
  for (const { pos, size } of nodes) {
    if (pos[0] + size[0] > x) places.push([pos[0] + size[0] + GAP, y]);
    if (pos[1] + size[1] > y - title) places.push([x, pos[1] + size[1] + GAP + title]);
  }
  const distance = (/** @type {[number, number]} */ [left, top]) => 2 * (left - x) + top - y;
  places.sort((one, other) => distance(one) - distance(other));
  return places.find(isFree) ?? [x, y];
}

/**
 * The place behind a node.
 * @param {any} node
 * @returns {[number, number]}
 */
export const placeBehind = (node) => [node.pos[0] + node.size[0] + GAP, node.pos[1]];

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

/** The same, and once more: a node's widgets get their places after its wires are drawn. */
export function redrawWires() {
  redraw();
  requestAnimationFrame(() => requestAnimationFrame(redraw));
}
