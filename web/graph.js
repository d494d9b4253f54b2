// @ts-check
/** Nodes: find them in the graph, read and set their widgets, add new ones. */

import {
  callBack,
  centerOn,
  createNode,
  forgetOutputs,
  graphInView,
  keepOutOfUndo,
  rootGraph,
  titleHeight,
  view,
} from "./comfy.js";

/** @type {(node: GraphNode | null) => boolean} */
export const isOurs = (node) => String(node?.comfyClass ?? node?.type ?? "").startsWith("Venice");

/** Whether a node is ours, or a group node of frontend 1.27, which may hold one. */
export const mayHoldOurs = (/** @type {GraphNode} */ node) =>
  isOurs(node) || /^workflow[>/]/.test(String(node?.type));

/** Every node, also in subgraphs. Each once: a subgraph may have several instances.
 * @returns {Generator<GraphNode>} */
export function* allNodes(graph = rootGraph(), seen = new Set()) {
  if (!graph || seen.has(graph)) return;
  seen.add(graph);
  for (const node of graph.nodes) {
    yield node;
    if (node.subgraph) yield* allNodes(node.subgraph, seen);
  }
}

/**
 * The nodes on the way to an execution id such as "4:7", outermost first, each with the rest of the
 * id: "" for the node itself. Empty if the graph has no such node.
 * @param {string} executionId
 * @returns {{node: GraphNode, rest: string}[]}
 */
export function nodesOf(executionId) {
  const ids = String(executionId).split(":");
  const found = [];
  /** @type {Graph | null | undefined} */
  let graph = rootGraph();
  for (const [i, id] of ids.entries()) {
    if (!graph) break; // The page has no nodes for the rest: it's a group node.
    /** @type {GraphNode | null} */
    const node = graph.getNodeById(id);
    if (!node) return [];
    found.push({ node, rest: ids.slice(i + 1).join(":") });
    graph = node.subgraph;
  }
  return found;
}

/** @param {string} executionId */
export const nodeOf = (executionId) => nodesOf(executionId).at(-1)?.node ?? null;

/** @type {(node: GraphNode | null, name: string) => Widget | undefined} */
export const widgetOf = (node, name) => node?.widgets?.find((widget) => widget.name === name);

/** The widget that sets how a number changes after each run; its name varies.
 * @param {Widget | null | undefined} widget */
export const controlOf = (widget) => widget?.linkedWidgets?.[0] ?? null;

/** Set a widget as a person would. @type {(node: GraphNode, name: string, value: unknown) => void} */
export const setWidget = (node, name, value) => setValue(node, widgetOf(node, name), value);

/** @param {GraphNode} node @param {Widget | null | undefined} widget @param {unknown} value */
export function setValue(node, widget, value) {
  if (!widget || widget.value === value) return;
  widget.value = value;
  callBack(node, widget);
  node.setDirtyCanvas(true, true);
}

/** Resize a node, without an undo step. @param {GraphNode} node @param {Point} size */
export function resize(node, size) {
  if (node.size[0] === size[0] && node.size[1] === size[1]) return;
  node.setSize(size);
  keepOutOfUndo(node, { size: [node.size[0], node.size[1]] });
}

/** The node linked to an input, and its output's index; null without a link.
 * @param {GraphNode | null} node @param {string} name */
export function sourceOf(node, name) {
  const index = node?.inputs?.findIndex((input) => input.name === name) ?? -1;
  return node && index >= 0 ? sourceOfSlot(node, index) : null;
}

/** @param {GraphNode} node @param {number} index */
export function sourceOfSlot(node, index) {
  const linkId = node.inputs?.[index]?.link;
  if (linkId === null || linkId === undefined) return null;
  const link = node.graph?.getLink(linkId);
  const source = link && node.graph?.getNodeById(link.origin_id);
  return source ? { node: source, slot: link.origin_slot } : null;
}

/** @type {(node: GraphNode, name: string) => boolean} */
export const isLinked = (node, name) =>
  (node.inputs?.find((input) => input.name === name)?.link ?? null) !== null;

/** The pixels between nodes, and the least room of a new one: lines or an image make it grow. */
const GAP = 60;
const ROOM = [300, 340];

/** Add a node to the graph in view, at this place or the nearest free one, and show it.
 * @param {string} type @param {Point} place */
export function addNode(type, place) {
  const node = createNode(type);
  if (!node) throw new Error(`This ComfyUI has no node ${type}.`);
  const [width, height] = ROOM.map((least, i) => Math.max(least, node.size[i]));
  node.pos = freePlace(graphInView(), place, [width, height]);
  graphInView().add(node);
  forgetOutputs(node);
  const [x, y, seenWidth, seenHeight] = view();
  const isSeen =
    node.pos[0] >= x &&
    node.pos[1] >= y &&
    node.pos[0] + node.size[0] <= x + seenWidth &&
    node.pos[1] + node.size[1] <= y + seenHeight;
  if (!isSeen) centerOn(node);
  return node;
}

/**
 * The nearest place, to the right or below, where a node of this size covers no other. Below counts
 * as half as far, because a wire to the right would pass behind nodes.
 * @param {Graph} graph @param {Point} place @param {Point} size
 */
function freePlace(graph, [x, y], [width, height]) {
  const title = titleHeight();
  const isFree = (/** @type {Point} */ [left, top]) =>
    graph.nodes.every(
      ({ pos, size }) =>
        left >= pos[0] + size[0] ||
        pos[0] >= left + width ||
        top - title >= pos[1] + size[1] ||
        pos[1] - title >= top + height,
    );
  /** @type {Point[]} */
  const places = [[x, y]];
  for (const { pos, size } of graph.nodes) {
    if (pos[0] + size[0] > x) places.push([pos[0] + size[0] + GAP, y]);
    if (pos[1] + size[1] > y - title) places.push([x, pos[1] + size[1] + GAP + title]);
  }
  const distance = (/** @type {Point} */ [left, top]) => 2 * (left - x) + top - y;
  places.sort((one, other) => distance(one) - distance(other));
  return places.find(isFree) ?? [x, y];
}

/** @type {(node: GraphNode) => Point} */
export const placeBehind = (node) => [node.pos[0] + node.size[0] + GAP, node.pos[1]];

/** The middle of the visible part of the graph. @returns {Point} */
export function middleOfView() {
  const [x, y, width, height] = view();
  return [x + width / 2 - 100, y + height / 2 - 100];
}
