// @ts-check
/** A short sum of a node's inputs and all before it: tells when they have changed. */

import { controlOf, nodeOf, sourceOf, widgetOf } from "./graph.js";

export const isLink = (value) =>
  Array.isArray(value) && value.length === 2 && typeof value[1] === "number";

/**
 * A number for each node that stands for its inputs and all that comes before it. A seed that
 * ComfyUI changes after each run does not count.
 * @returns {Map<string, number>}
 */
export function fingerprintsOf(prompt) {
  /** @type {Map<string, number>} */
  const found = new Map();
  const begun = new Set(); // A ring ends at what was begun: it counts as 0 there.
  const isVenice = (/** @type {string} */ id) => String(prompt[id].class_type).startsWith("Venice");
  // A list instead of a call in a call: a graph may be longer than the stack.
  const todo = Object.keys(prompt).filter(isVenice).reverse();
  for (let id = todo.at(-1); id !== undefined; id = todo.at(-1)) {
    const inputs = Object.values(prompt[id]?.inputs ?? {});
    const before = inputs.filter(isLink).map(([from]) => String(from));
    const open = begun.has(id) ? [] : before.filter((one) => !begun.has(one));
    begun.add(id);
    todo.push(...open.reverse());
    if (open.length > 0) continue;
    todo.pop();
    if (!found.has(id)) found.set(id, sumOf(prompt, id, found));
  }
  return found;
}

/**
 * @param {string} id
 * @param {Map<string, number>} found the numbers of the nodes before it
 */
function sumOf(prompt, id, found) {
  const { class_type: type, inputs } = prompt[id] ?? {
    class_type: "",
    inputs: {},
  };
  const parts = Object.entries(inputs).map(([name, value]) => {
    if (isLink(value)) return [name, found.get(String(value[0])) ?? 0, value[1]];
    return changesAfterRun(id, name) ? [name] : [name, value];
  });
  return hash(JSON.stringify([type, parts]));
}

/**
 * Whether ComfyUI gives an input another number after each run; also one that a subgraph shows
 * outside, or that comes from a primitive.
 * @param {string} id
 * @param {string} name
 */
function changesAfterRun(id, name) {
  const node = nodeOf(id);
  const source = sourceOf(node, name)?.node;
  const widget = source
    ? source.type === "PrimitiveNode" && source.widgets?.[0]
    : widgetOf(node, name);
  const control = controlOf(widget);
  return Boolean(control) && control.value !== "fixed";
}

/** @param {string} text */
function hash(text) {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  return sum >>> 0;
}
