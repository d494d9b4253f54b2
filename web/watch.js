// @ts-check
/**
 * Looks for changes of the graph. ComfyUI's event `graphChanged` comes only after the next click or key
 * outside of a text box: not while a person types, and not for what scripts and promoted inputs set.
 */

import { allNodes, mayHoldOurs } from "./graph.js";
import { tell } from "./server.js";

const LOOK_EVERY_MS = 100;
/** Looking at the graph takes at most this part of the page's time. */
const SHARE_OF_TIME = 0.03;

/** @typedef {Map<any, boolean>} Changes the changed nodes, and whether each was seen before */
/** @type {Set<(changes: Changes) => void>} */
const listeners = new Set();
/** @type {Set<(value: undefined) => void>} */
const lookers = new Set();

/** @param {(changes: Changes) => void} listener called when nodes changed, came or went */
export const onChange = (listener) => listeners.add(listener);

/** @param {() => void} looker called at each look */
export const onLook = (looker) => lookers.add(looker);

/** Starts to look for changes. */
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

/** @type {WeakMap<any, any[]>} */
const lastSeen = new WeakMap();
let lastCount = 0;

/**
 * What a prompt is made of and is another than at the last call; null for nothing.
 * @param {any[]} nodes
 * @returns {Changes | null}
 */
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

/**
 * The nodes to look at: none where none is ours. Some widgets act when a prompt is made of them (a
 * camera takes a photo): then only a change in a node of ours counts.
 * @param {any[]} nodes
 */
function looked(nodes) {
  if (!nodes.some(mayHoldOurs)) return [];
  return nodes.some(actsWhenRead) ? nodes.filter(mayHoldOurs) : nodes;
}

function valuesOf(node) {
  const values = [node.mode];
  for (const widget of node.widgets ?? []) {
    if (widget.serialize !== false && widget.options?.serialize !== false)
      values.push(widget.value);
  }
  for (const input of node.inputs ?? []) values.push(input.link);
  return values;
}

const HARMLESS = new Set(["text", "customtext", "string", "combo", "number", "toggle", "slider"]);

const actsWhenRead = (node) =>
  !mayHoldOurs(node) &&
  (node.widgets ?? []).some(
    (widget) =>
      Object.hasOwn(widget, "serializeValue") && !HARMLESS.has(String(widget.type).toLowerCase()),
  );
