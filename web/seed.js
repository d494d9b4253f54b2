// @ts-check
/** Seeds: the buttons of Venice Seed, and the seed of any node. */

import { promotedWidgets, rememberChange } from "./comfy.js";
import { button } from "./elements.js";
import { controlOf, nodesOf, setValue, setWidget, sourceOf, widgetOf } from "./graph.js";
import { panelOf } from "./panel.js";
import { t } from "./texts.js";

const FIXED = "fixed";
const RANDOM = "random every run";
const MAX_SEED = 999_999_999;

/** The function that shows the last seed, by Venice Seed.
 * @type {WeakMap<GraphNode, (seed: number | null) => void>} */
const lastButtons = new WeakMap();

/** @param {GraphNode} node */
export function addSeedButtons(node) {
  /** @type {(mode: string, seed: number | null) => void} */
  const use = (mode, seed) => {
    setWidget(node, "mode", mode);
    if (seed !== null) setWidget(node, "seed", seed);
    rememberChange();
  };
  /** @type {number | null} */
  let lastSeed = null;
  const last = button("", () => use(FIXED, lastSeed), {
    title: t("Set the last run's seed and keep it."),
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
      title: t("Use a new seed for every run. You pay for each run."),
    }),
    last,
  );
}

/** @type {(node: GraphNode, seed: number | null) => void} */
export const showLastSeed = (node, seed) => lastButtons.get(node)?.(seed);

/** Set and fix all seeds of a run, also those that a subgraph shows.
 * @param {Record<string, Record<string, number>>} seeds by execution id and input */
export function useSeeds(seeds) {
  for (const [id, inputs] of Object.entries(seeds)) {
    const way = nodesOf(id).map(({ node }) => node);
    const own = way.at(-1);
    if (!own) continue;
    for (const [name, seed] of Object.entries(inputs)) {
      useSeed(own, seed, name);
      for (const host of way.filter(({ subgraph }) => subgraph))
        for (const { outer, inner } of promotedWidgets(host))
          if (inner.some((one) => one.node === own && one.name === name))
            useSeed(host, seed, outer.name);
    }
  }
}

/** Set and fix the seed of a node, or of the node linked to its seed.
 * @param {GraphNode} node @param {number} seed */
export function useSeed(node, seed, name = "seed") {
  const source = sourceOf(node, name)?.node ?? node;
  const widget = [name, "seed", "value"].map((one) => widgetOf(source, one)).find(Boolean);
  if (source.comfyClass === "VeniceSeed") setWidget(source, "mode", FIXED);
  setValue(source, controlOf(widget), "fixed");
  setValue(source, widget, seed);
  rememberChange();
}

/** Whether a prompt has all these seeds.
 * @param {Prompt} prompt @param {Record<string, Record<string, number>>} seeds */
export const holdsSeeds = (prompt, seeds) =>
  Object.entries(seeds).every(([id, inputs]) =>
    Object.entries(inputs).every(([name, seed]) => prompt[id]?.inputs[name] === seed),
  );
