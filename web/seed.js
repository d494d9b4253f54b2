// @ts-check
/** Seeds: the buttons of Venice Seed, and setting the seed of a node. */

import { button } from "./elements.js";
import { rememberChange, setWidget, sourceOf } from "./graph.js";
import { panelOf } from "./panel.js";

const FIXED = "fixed";
const RANDOM = "random every run";
const MAX_SEED = 999_999_999;

/** Shows the last seed on a Venice Seed's button, by node.
 * @type {WeakMap<any, (seed: number | null) => void>} */
const lastButtons = new WeakMap();

/**
 * Adds the buttons to a Venice Seed.
 * @param {any} node
 */
export function addSeedButtons(node) {
  const use = (/** @type {string} */ mode, /** @type {number | null} */ seed) => {
    setWidget(node, "mode", mode);
    if (seed !== null) setWidget(node, "seed", seed);
    rememberChange();
  };
  /** @type {number | null} */
  let lastSeed = null;
  const last = button("", () => use(FIXED, lastSeed), {
    title: "Make the picture of the last run again.",
    hidden: true,
  });
  lastButtons.set(node, (seed) => {
    lastSeed = seed;
    last.textContent = `Use the last (${seed})`;
    last.hidden = seed === null;
  });
  panelOf(node)?.tools.append(
    button("New fixed seed", () => use(FIXED, 1 + Math.floor(Math.random() * MAX_SEED)), {
      title: "Draw a seed once, and keep it.",
    }),
    button("Random every run", () => use(RANDOM, null), {
      title: "Draw another seed in every run: each run makes, and pays for, new pictures.",
    }),
    last,
  );
}

/**
 * @param {any} node
 * @param {number | null} seed of its last run
 */
export const showLastSeed = (node, seed) => lastButtons.get(node)?.(seed);

/**
 * Sets the seed of a node, or of the node that it has its seed from, and holds it there.
 * @param {any} node
 * @param {number} seed
 */
export function useSeed(node, seed) {
  const source = sourceOf(node, "seed")?.node ?? node;
  setWidget(source, "mode", FIXED);
  setWidget(source, "control_after_generate", "fixed");
  setWidget(source, source.type === "PrimitiveNode" ? "value" : "seed", seed);
  rememberChange();
}
