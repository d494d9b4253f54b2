// @ts-check
/**
 * Look for changes of the graph. ComfyUI's event `graphChanged` doesn't fire while you type, or for
 * values from scripts and promoted inputs.
 */

import { allNodes, mayHoldOurs } from "./graph.js";
import { tell } from "./server.js";

const LOOK_EVERY_MS = 100;
/** Look for at most this part of the page's time. */
const SHARE_OF_TIME = 0.03;

/** @typedef {Map<GraphNode, boolean>} Changes the changed nodes, and whether each was seen before */
/** @type {Set<(changes: Changes) => void>} */
const listeners = new Set();
/** @type {Set<(value: undefined) => void>} */
const lookers = new Set();

/** Call `listener` when nodes change, come or go. @param {(changes: Changes) => void} listener */
export const onChange = (listener) => listeners.add(listener);

/** Call `looker` at each look. @param {() => void} looker */
export const onLook = (looker) => lookers.add(looker);

export function watchGraph() {
  const look = () => {
    const begun = performance.now();
    const changes = changesOf([...allNodes()]);
    if (changes) tell(listeners, changes);
    tell(lookers, undefined);
    setTimeout(look, Math.max(LOOK_EVERY_MS, (performance.now() - begun) / SHARE_OF_TIME));
  };
  look();
}

/** @type {WeakMap<GraphNode, unknown[]>} */
const lastSeen = new WeakMap();
let lastCount = 0;

/** Changes since the last call in all that a prompt contains; null for none.
 * @param {GraphNode[]} nodes @returns {Changes | null} */
function changesOf(nodes) {
  const isOtherCount = nodes.length !== lastCount;
  lastCount = nodes.length;
  const changes = new Map();
  for (const node of looked(nodes)) {
    const values = valuesOf(node);
    const before = lastSeen.get(node);
    if (before?.length === values.length && values.every((v, i) => v === before[i])) continue;
    lastSeen.set(node, values);
    changes.set(node, before !== undefined);
  }
  return isOtherCount || changes.size > 0 ? changes : null;
}

/** The nodes to look at: none if none is ours. Only ours if a widget acts when ComfyUI makes a prompt
 * of it, as a camera takes a photo. @param {GraphNode[]} nodes */
function looked(nodes) {
  if (!nodes.some(mayHoldOurs)) return [];
  return nodes.some(actsWhenRead) ? nodes.filter(mayHoldOurs) : nodes;
}

/** @param {GraphNode} node */
function valuesOf(node) {
  /** @type {unknown[]} */
  const values = [node.mode];
  for (const widget of node.widgets ?? []) {
    if (widget.serialize !== false && widget.options?.serialize !== false)
      values.push(widget.value);
  }
  for (const input of node.inputs ?? []) values.push(input.link);
  return values;
}

const HARMLESS = new Set(["text", "customtext", "string", "combo", "number", "toggle", "slider"]);

const actsWhenRead = (/** @type {GraphNode} */ node) =>
  !mayHoldOurs(node) &&
  (node.widgets ?? []).some(
    (widget) =>
      Object.hasOwn(widget, "serializeValue") && !HARMLESS.has(String(widget.type).toLowerCase()),
  );
