// @ts-check
/** Prices and warnings before a run: the server's answer after each change of the graph. */

import { addBadge, changesSeedsFirst, makePrompt, refreshBadges } from "./comfy.js";
import { element, messageOf } from "./elements.js";
import { changesByItself, fingerprintsOf } from "./fingerprints.js";
import { allNodes, isOurs, mayHoldOurs, nodeOf, nodesOf } from "./graph.js";
import { panelOf } from "./panel.js";
import { post, tell } from "./server.js";
import { said, t } from "./texts.js";
import { onChange } from "./watch.js";

const QUIET_MS = 200;
/** How long a run waits for its price. A badge can wait longer. */
export const ANSWER_MS = 3_000;
const BADGE_MS = 8_000;
const RETRY_MS = 10_000;
/** Pause this many times as long as the last prompt took to make. */
const PAUSES_A_PROMPT = 3;
/** Below the largest seed of any of our nodes. */
const MAX_SEED = 999_999_999;
const AMBER = { fgColor: "#221a00", bgColor: "#e0a526" };
/** Nothing is red before a run. */
const COLORS = { ok: { fgColor: "#e8f5e9", bgColor: "#2e5a37" }, ask: AMBER, over: AMBER };

/** The server's answer; nodes and subgraphs (groups) by execution id.
 * @typedef {{nodes: Record<string, NodePreview>, groups?: Record<string, NodePreview>,
 *   total: Partial<TotalPreview> | null}} Preview
 */

/** @type {Preview} */
const NOTHING = { nodes: {}, total: null };

/** The last answer. */
export let preview = NOTHING;

/** The last prompt. @type {Prompt} */
export let prompt = {};
/** The ids of each of our nodes in it. @type {Map<GraphNode, string[]>} */
export let idsOf = new Map();

/** The checksums of its nodes, by execution id. */
export let fingerprints = new Map();

/** @type {Set<() => void>} */
const promptListeners = new Set();
/** @type {Set<() => void>} */
const listeners = new Set();

/** @param {() => void} listener called when there is a new prompt */
export const onPrompt = (listener) => promptListeners.add(listener);

/** @param {() => void} listener called after each answer */
export const onPreview = (listener) => listeners.add(listener);

/** Ask after each change, from now on. */
export function watchPrices() {
  onChange(requestPreview);
  requestPreview();
}

let timer = 0;
/** How long the last prompt took to make. */
let promptMs = 0;

/** Ask for prices when the graph has been quiet for a moment. */
export function requestPreview() {
  clearTimeout(timer);
  timer = setTimeout(refreshPreview, Math.max(QUIET_MS, promptMs * PAUSES_A_PROMPT));
}

let asking = new AbortController();

async function refreshPreview() {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const begun = performance.now();
  const made = [...allNodes()].some(mayHoldOurs) ? await makePrompt() : {};
  promptMs = performance.now() - begun;
  if (signal.aborted) return;
  take(made);
  const shown = hasOurs(made) ? await answerFor(made, signal) : NOTHING;
  if (signal.aborted) return;
  preview = shown;
  entries.clear();
  tell([showOnNodes, ...listeners], undefined);
  refreshBadges();
}

/** @param {Prompt} made */
function take(made) {
  prompt = made;
  fingerprints = fingerprintsOf(made);
  idsOf = new Map();
  for (const id of Object.keys(made)) {
    const node = nodeOf(id);
    if (node && isOurs(node)) idsOf.set(node, [...(idsOf.get(node) ?? []), id]);
  }
  tell(promptListeners, undefined);
}

/** A prompt as the next run sends it: if ComfyUI changes seeds first, none of them is saved yet.
 * @param {Prompt} made @returns {Prompt} */
function asNextRun(made) {
  if (!changesSeedsFirst()) return made;
  const nodes = Object.entries(made).map(([id, node]) => {
    const inputs = Object.entries(node.inputs).map(([name, value]) => {
      const isNew = typeof value === "number" && changesByItself(id, name);
      return [name, isNew ? Math.floor(Math.random() * MAX_SEED) : value];
    });
    return [id, { ...node, inputs: Object.fromEntries(inputs) }];
  });
  return Object.fromEntries(nodes);
}

/** @param {Prompt} made @param {AbortSignal} signal @returns {Promise<Preview>} */
async function answerFor(made, signal) {
  try {
    return await post("preview", { prompt: asNextRun(made) }, BADGE_MS, signal);
  } catch (error) {
    // Better no price than an old one.
    if (!signal.aborted) setTimeout(requestPreview, RETRY_MS);
    return {
      nodes: {},
      total: { badge: t("price unknown"), hint: messageOf(error), level: "ask" },
    };
  }
}

export const hasOurs = (/** @type {Prompt} */ made) =>
  Object.values(made).some((node) => String(node.class_type).startsWith("Venice"));

/** @type {Set<GraphNode>} */
let shownOn = new Set();
/** The answer that a node's badge shows. @type {Map<GraphNode, NodePreview>} */
const entries = new Map();

function showOnNodes() {
  /** @type {Map<GraphNode, HTMLElement[]>} */
  const lines = new Map();
  for (const [id, entry] of Object.entries({ ...preview.groups, ...preview.nodes })) {
    const way = nodesOf(id);
    const last = way.at(-1)?.node;
    if (last && !entries.has(last)) entries.set(last, entry);
    const told = linesOf(entry);
    for (const { node } of told.length > 0 ? way : []) {
      const title = node.subgraph && element("b", { text: last?.title ?? id });
      lines.set(node, [...(lines.get(node) ?? []), element("div", {}, title, ...told)]);
    }
  }
  for (const node of shownOn) if (!lines.has(node)) panelOf(node)?.sent.replaceChildren();
  for (const [node, own] of lines) panelOf(node)?.sent.replaceChildren(...own);
  shownOn = new Set(lines.keys());
}

/** The lines about a node, without its price. @param {NodePreview} entry */
function linesOf(entry) {
  /** @type {(kind: string, text: string) => HTMLElement} */
  const line = (kind, text) => element("div", { class: `venice-line venice-${kind}`, text });
  const isMissing = entry.level === "input";
  return [
    ...(entry.sent ? [line("sends", said(entry.sent))] : []),
    ...(entry.error ? [line(isMissing ? "hint" : "warning", said(entry.error))] : []),
    ...(entry.warnings ?? []).map((text) => line("warning", said(text))),
  ];
}

/** @param {{level?: Level} | null | undefined} entry @returns {keyof typeof COLORS} */
export const levelOf = (entry) => (entry?.level && entry.level !== "input" ? entry.level : "ok");

/** Add the badge with the price; it's empty unless the node pays. @param {GraphNode} node */
export function addPrice(node) {
  addBadge(node, () => {
    const entry = entries.get(node);
    return { text: said(entry?.price.text), ...COLORS[levelOf(entry)] };
  });
}
