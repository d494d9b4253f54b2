// @ts-check
/** A short sum of a node's inputs and all before it: tells when they have changed. */

import { isLinked, nodesOf } from "./graph.js";

/** @param {any} value */
export const isLink = (value) =>
  Array.isArray(value) && value.length === 2 && typeof value[1] === "number";

/**
 * A number for each node that stands for its inputs and all that comes before it. A seed that
 * ComfyUI changes after each run does not count.
 * @param {any} prompt
 * @returns {Map<string, number>}
 */
export function fingerprintsOf(prompt) {
  /** @type {Map<string, number>} */
  const found = new Map();
  /** @type {(id: string) => number} */
  const print = (id) => {
    const known = found.get(id);
    if (known !== undefined) return known;
    found.set(id, 0); // A ring ends here.
    const { class_type: type, inputs } = prompt[id] ?? { class_type: "", inputs: {} };
    const parts = Object.entries(inputs).map(([name, value]) => {
      if (isLink(value)) return [name, print(String(value[0])), value[1]];
      return name === "seed" && changesAfterRun(id) ? [name] : [name, value];
    });
    const sum = hash(JSON.stringify([type, parts]));
    found.set(id, sum);
    return sum;
  };
  for (const [id, node] of Object.entries(prompt)) {
    if (String(node.class_type).startsWith("Venice")) print(id);
  }
  return found;
}

/** @param {string} id */
function changesAfterRun(id) {
  const node = nodesOf(id).at(-1)?.node;
  const control = node?.widgets?.find(
    (/** @type {any} */ widget) => widget.name === "control_after_generate",
  );
  return Boolean(control) && control.value !== "fixed" && !isLinked(node, "seed");
}

/** @param {string} text */
function hash(text) {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  return sum >>> 0;
}
