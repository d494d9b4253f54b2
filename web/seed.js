// @ts-check
/** Seeds: the buttons of Venice Seed, and setting the seed of a node. */

import { promotedWidgets, rememberChange } from "./comfy.js";
import { button } from "./elements.js";
import { controlOf, nodesOf, setValue, setWidget, sourceOf, widgetOf } from "./graph.js";
import { panelOf } from "./panel.js";
import { t } from "./texts.js";

const FIXED = "fixed";
const RANDOM = "random every run";
const MAX_SEED = 999_999_999;

/** Shows the last seed on a Venice Seed's button, by node.
 * @type {WeakMap<any, (seed: number | null) => void>} */
const lastButtons = new WeakMap();

/** Adds the buttons to a Venice Seed. */
export function addSeedButtons(node) {
  const use = (/** @type {string} */ mode, /** @type {number | null} */ seed) => {
    setWidget(node, "mode", mode);
    if (seed !== null) setWidget(node, "seed", seed);
    rememberChange();
  };
  /** @type {number | null} */
  let lastSeed = null;
  const last = button("", () => use(FIXED, lastSeed), {
    title: t("Fix the seed of the last run."),
    hidden: true,
  });
  lastButtons.set(node, (seed) => {
    lastSeed = seed;
    last.textContent = t("Reuse last seed ({seed})", { seed });
    const holdsIt =
      widgetOf(node, "mode")?.value === FIXED && widgetOf(node, "seed")?.value === seed;
    last.hidden = seed === null || holdsIt;
  });
  panelOf(node)?.tools.append(
    button(t("New seed"), () => use(FIXED, 1 + Math.floor(Math.random() * MAX_SEED)), {
      title: t("Pick a new seed and keep it."),
    }),
    button(t("Randomize"), () => use(RANDOM, null), {
      title: t("New seed for every run. Each run is charged."),
    }),
    last,
  );
}

/** @param {number | null} seed of its last run */
export const showLastSeed = (node, seed) => lastButtons.get(node)?.(seed);

/**
 * Sets all seeds of a run, also where a subgraph shows them, and holds them there.
 * @param {Record<string, Record<string, number>>} seeds by execution id and input
 */
export function useSeeds(seeds) {
  for (const [id, inputs] of Object.entries(seeds)) {
    const way = nodesOf(id).map(({ node }) => node);
    const own = way.at(-1);
    for (const [name, seed] of own ? Object.entries(inputs) : []) {
      useSeed(own, seed, name);
      for (const host of way.filter(({ subgraph }) => subgraph))
        for (const { outer, inner } of promotedWidgets(host))
          if (inner.some((one) => one.node === own && one.name === name))
            useSeed(host, seed, outer.name);
    }
  }
}

/**
 * Sets the seed of a node, or of the node that it has its seed from, and holds it there.
 * @param {number} seed
 */
export function useSeed(node, seed, name = "seed") {
  const source = sourceOf(node, name)?.node ?? node;
  const widget = [name, "seed", "value"].map((one) => widgetOf(source, one)).find(Boolean);
  if (source.comfyClass === "VeniceSeed") setWidget(source, "mode", FIXED);
  setValue(source, controlOf(widget), "fixed");
  setValue(source, widget, seed);
  rememberChange();
}

/** Whether a prompt holds all these seeds.
 * @param {Record<string, Record<string, number>>} seeds by execution id and input */
export const holdsSeeds = (prompt, seeds) =>
  Object.entries(seeds).every(([id, inputs]) =>
    Object.entries(inputs).every(([name, seed]) => prompt[id]?.inputs[name] === seed),
  );
