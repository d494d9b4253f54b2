// @ts-check
/** Checksums of nodes' inputs and all before them, to notice changes. */

import { controlOf, nodeOf, sourceOf, widgetOf } from "./graph.js";

/** @param {unknown} value @returns {value is [string, number]} */
export const isLink = (value) =>
  Array.isArray(value) && value.length === 2 && typeof value[1] === "number";

/** A checksum for each of our nodes. It leaves out seeds that ComfyUI changes with each run.
 * @param {Prompt} prompt @returns {Map<string, number>} */
export function fingerprintsOf(prompt) {
  /** @type {Map<string, number>} */
  const found = new Map();
  const begun = new Set(); // In a ring, a node that has begun counts as 0.
  const isVenice = (/** @type {string} */ id) => String(prompt[id].class_type).startsWith("Venice");
  // No recursion: a graph may be deeper than the stack.
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

/** @param {Prompt} prompt @param {string} id @param {Map<string, number>} found checksums before it */
function sumOf(prompt, id, found) {
  const { class_type: type, inputs } = prompt[id] ?? { class_type: "", inputs: {} };
  const parts = Object.entries(inputs).map(([name, value]) => {
    if (isLink(value)) return [name, found.get(String(value[0])) ?? 0, value[1]];
    return changesByItself(id, name) ? [name] : [name, value];
  });
  return hash(JSON.stringify([type, parts]));
}

/** Whether ComfyUI changes a number with each run, also one from a primitive.
 * @param {string} id @param {string} name */
export function changesByItself(id, name) {
  const node = nodeOf(id);
  const source = sourceOf(node, name)?.node;
  if (source && source.type !== "PrimitiveNode") return false;
  const widget = source ? source.widgets?.[0] : widgetOf(node, name);
  return (controlOf(widget)?.value ?? "fixed") !== "fixed";
}

/** @param {string} text */
function hash(text) {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  return sum >>> 0;
}
