// @ts-check
/** The sockets of inputs that a model lacks: taken from the node, and put back. Never a linked one. */

import { keepSocketsOutOfUndo } from "./comfy.js";
import { isLinked } from "./graph.js";

/** The declared sockets of a node that have no widget, by name.
 * @returns {Map<string, string>} name → type */
function declaredSockets(node) {
  const { required = {}, optional = {} } = node.constructor.nodeData?.input ?? {};
  const names = new Set((node.widgets ?? []).map((widget) => widget.name));
  const sockets = Object.entries({ ...required, ...optional }).filter(([name]) => !names.has(name));
  return new Map(sockets.map(([name, spec]) => [name, String(/** @type {any} */ (spec)[0])]));
}

/**
 * Puts the sockets that a model may lack behind all others, whose numbers then stay: subgraphs of
 * frontend 1.27 find what they show outside by the numbers that were saved.
 */
export function putSocketsLast(node) {
  for (const [name, type] of declaredSockets(node)) {
    if (!node.constructor.nodeData.input.optional?.[name]) continue;
    const index = node.inputs.findIndex((input) => input.name === name);
    takeSocket(node, name, index);
    addSocket(node, name, type);
  }
}

/**
 * Leaves a node those sockets that `isTaken`, and those with a link. Whether this changed anything.
 * @param {(name: string) => boolean} isTaken
 */
export function showSockets(node, isTaken) {
  let different = false;
  const [width, height] = node.size;
  for (const [name, type] of declaredSockets(node)) {
    const index = node.inputs.findIndex((input) => input.name === name);
    const wanted = isTaken(name);
    if (index < 0 && wanted) addSocket(node, name, type);
    else if (index >= 0 && !wanted && !isLinked(node, name)) takeSocket(node, name, index);
    else continue;
    different = true;
  }
  if (!different) return false;
  node.setSize([width, height]); // A socket more makes a node grow, one less not shrink.
  keepSocketsOutOfUndo(node);
  return true;
}

/** What ComfyUI knew of the sockets that were taken: their labels in the page's language.
 * @type {WeakMap<any, Map<string, any>>} */
const taken = new WeakMap();

/**
 * @param {string} name
 * @param {number} index
 */
function takeSocket(node, name, index) {
  const { shape, localized_name } = node.inputs[index];
  taken.set(node, (taken.get(node) ?? new Map()).set(name, { shape, localized_name }));
  node.removeInput(index);
}

/**
 * @param {string} name
 * @param {string} type
 */
function addSocket(node, name, type) {
  const known = taken.get(node)?.get(name) ?? {};
  const given = Object.entries(known).filter(([, value]) => value !== undefined);
  node.addInput(name, type, Object.fromEntries(given));
}

const NOT_DRAWN = { value: () => {}, configurable: true }; // Not enumerable: it is in no copy.

/**
 * Has the canvas draw the socket of a widget, or not: it draws that of a hidden widget too, while a
 * link is dragged.
 * @param {string} name
 * @param {boolean} isDrawn
 */
export function drawSocket(node, name, isDrawn) {
  const socket = node.inputs?.find((input) => input.widget?.name === name);
  if (!socket || !Object.isExtensible(socket)) return;
  if (isDrawn) delete socket.draw;
  else Object.defineProperty(socket, "draw", NOT_DRAWN);
}
