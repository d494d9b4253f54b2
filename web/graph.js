// @ts-check
/** Nodes: finding them in the graph, reading and setting their widgets, adding new ones. */

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

export const isOurs = (node) => String(node?.comfyClass ?? node?.type ?? "").startsWith("Venice");

/** Whether a node is ours, or may have become one of several: the group nodes of frontend 1.27. */
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

export const widgetOf = (node, name) => node?.widgets?.find((widget) => widget.name === name);

/** The widget that says what happens to a number after each run; its name varies. */
export const controlOf = (widget) => widget?.linkedWidgets?.[0] ?? null;

/** Sets a widget as a person would. */
export const setWidget = (node, name, value) => setValue(node, widgetOf(node, name), value);

/** The same for a widget that was found already, or null. */
export function setValue(node, widget, value) {
  if (!widget || widget.value === value) return;
  widget.value = value;
  callBack(node, widget);
  node.setDirtyCanvas?.(true, true);
}

/**
 * Resizes a node on the page's own account.
 * @param {[number, number]} size
 */
export function resize(node, size) {
  if (node.size[0] === size[0] && node.size[1] === size[1]) return;
  node.setSize(size);
  keepOutOfUndo(node, { size: [node.size[0], node.size[1]] });
}

/**
 * The node whose output comes into this input, and the output's index; null without a link.
 * @returns {{node: any, slot: number} | null}
 */
export function sourceOf(node, name) {
  const index = node.inputs?.findIndex((input) => input.name === name) ?? -1;
  return index < 0 ? null : sourceOfSlot(node, index);
}

/** @param {number} index */
export function sourceOfSlot(node, index) {
  const linkId = node.inputs?.[index]?.link;
  if (linkId === null || linkId === undefined) return null;
  const link = node.graph?.getLink?.(linkId) ?? node.graph?.links?.[linkId];
  const source = link && node.graph.getNodeById(link.origin_id);
  return source ? { node: source, slot: link.origin_slot } : null;
}

export const isLinked = (node, name) =>
  (node.inputs?.find((input) => input.name === name)?.link ?? null) !== null;

/** What lies between nodes, and the least room of a new one: it grows by its lines, or an image. */
const GAP = 60;
const ROOM = [300, 340];

/**
 * Adds a node to the graph in view: at this place or, where that is not free, at the nearest one
 * to the right or below that is. It is brought into view.
 * @param {string} type
 * @param {[number, number]} place
 */
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
 * The place nearest to one, to its right or below, where a node of this size is over no other.
 * Below counts as half as far: a wire to the right would pass behind what lies there.
 * @param {any} graph
 * @param {[number, number]} place
 * @param {[number, number]} size
 * @returns {[number, number]}
 */
function freePlace(graph, [x, y], [width, height]) {
  const title = titleHeight();
  const nodes = graph.nodes ?? graph._nodes ?? [];
  const isFree = (/** @type {[number, number]} */ [left, top]) =>
    nodes.every(
      ({ pos, size }) =>
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
 * @returns {[number, number]}
 */
export const placeBehind = (node) => [node.pos[0] + node.size[0] + GAP, node.pos[1]];

/**
 * The middle of what is seen of the graph.
 * @returns {[number, number]}
 */
export function middleOfView() {
  const [x, y, width, height] = view();
  return [x + width / 2 - 100, y + height / 2 - 100];
}
