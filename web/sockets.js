// @ts-check
/** Remove the sockets that a model lacks, and restore them. Linked ones stay. */

import { keepSocketsOutOfUndo } from "./comfy.js";
import { isLinked } from "./graph.js";

/** The types of a node's declared sockets without a widget, by name.
 * @param {GraphNode} node */
function declaredSockets(node) {
  const { required = {}, optional = {} } = node.constructor.nodeData?.input ?? {};
  const names = new Set((node.widgets ?? []).map((widget) => widget.name));
  const sockets = Object.entries({ ...required, ...optional }).filter(([name]) => !names.has(name));
  return new Map(sockets.map(([name, spec]) => [name, String(spec[0])]));
}

/** Move the sockets that a model may lack behind all others, so that the others keep their numbers:
 * subgraphs of frontend 1.27 find their inner inputs by saved numbers. @param {GraphNode} node */
export function putSocketsLast(node) {
  for (const [name, type] of declaredSockets(node)) {
    if (!node.constructor.nodeData?.input?.optional?.[name]) continue;
    const index = node.inputs.findIndex((input) => input.name === name);
    takeSocket(node, name, index);
    addSocket(node, name, type);
  }
}

/** Keep the sockets that the model takes and the linked ones. Return whether that's a change.
 * @param {GraphNode} node @param {(name: string) => boolean} isTaken */
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
  node.setSize([width, height]); // ComfyUI grows a node by a new socket and never shrinks it.
  keepSocketsOutOfUndo(node);
  return true;
}

/** Shapes and translated labels of the removed sockets: ComfyUI doesn't set them again.
 * @type {WeakMap<GraphNode, Map<string, Partial<Slot>>>} */
const taken = new WeakMap();

/** @param {GraphNode} node @param {string} name @param {number} index */
function takeSocket(node, name, index) {
  const { shape, localized_name } = node.inputs[index];
  taken.set(node, (taken.get(node) ?? new Map()).set(name, { shape, localized_name }));
  node.removeInput(index);
}

/** @param {GraphNode} node @param {string} name @param {string} type */
function addSocket(node, name, type) {
  const known = taken.get(node)?.get(name) ?? {};
  const given = Object.entries(known).filter(([, value]) => value !== undefined);
  node.addInput(name, type, Object.fromEntries(given));
}

const NOT_DRAWN = { value: () => {}, configurable: true }; // Not enumerable, so no copy has it.

/** Draw the socket of a widget or not: while a link is dragged, the canvas draws hidden ones too.
 * @param {GraphNode} node @param {string} name @param {boolean} isDrawn */
export function drawSocket(node, name, isDrawn) {
  const socket = node.inputs?.find((input) => input.widget?.name === name);
  if (!socket || !Object.isExtensible(socket)) return;
  if (isDrawn) delete socket.draw;
  else Object.defineProperty(socket, "draw", NOT_DRAWN);
}
