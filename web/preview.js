// @ts-check
/** What a run will cost and send, before it: asked of the server after each change of the graph. */

import { addBadge, makePrompt, refreshBadges } from "./comfy.js";
import { element } from "./elements.js";
import { fingerprintsOf } from "./fingerprints.js";
import { allNodes, isOurs, mayHoldOurs, nodeOf, nodesOf } from "./graph.js";
import { panelOf } from "./panel.js";
import { post, tell } from "./server.js";
import { said, t } from "./texts.js";
import { onChange } from "./watch.js";

const QUIET_MS = 200;
/** How long a run waits for its price, and how long a badge does. */
export const ANSWER_MS = 3_000;
const BADGE_MS = 8_000;
const RETRY_MS = 10_000;
/** How many times as long as a prompt takes to make the page is then left alone. */
const PAUSES_A_PROMPT = 3;
const AMBER = { fgColor: "#221a00", bgColor: "#e0a526" };
/** Nothing is red before a run. */
const COLORS = { ok: { fgColor: "#e8f5e9", bgColor: "#2e5a37" }, ask: AMBER, over: AMBER };

/**
 * What the server tells of nodes by execution id, of subgraphs by that of their node, and in sum.
 * @typedef {{nodes: Record<string, any>, groups?: Record<string, any>, total: any}} Preview
 */

/** @type {Preview} */
const NOTHING = { nodes: {}, total: null };

/** The last answer. */
export let preview = NOTHING;

/** The last prompt, by execution id; and the ids that a node of ours has in it.
 * @type {Record<string, any>} */
export let prompt = {};
/** @type {Map<any, string[]>} */
export let idsOf = new Map();

/** A short sum of each node's inputs and all before it, by execution id, at the last look. */
export let fingerprints = new Map();

/** @type {Set<() => void>} */
const promptListeners = new Set();
/** @type {Set<() => void>} */
const listeners = new Set();

/** @param {() => void} listener called when there is a new prompt */
export const onPrompt = (listener) => promptListeners.add(listener);

/** @param {() => void} listener called after each answer */
export const onPreview = (listener) => listeners.add(listener);

/** Starts to ask after each change. */
export function watchPrices() {
  onChange(requestPreview);
  requestPreview();
}

let timer = 0;
/** How long the last prompt took to make. */
let promptMs = 0;

/** Asks for the price in a moment, when the graph is quiet. */
export function requestPreview() {
  clearTimeout(timer);
  timer = setTimeout(refreshPreview, Math.max(QUIET_MS, promptMs * PAUSES_A_PROMPT));
}

let asking = new AbortController();

/** Asks the server what the graph as it is will cost and send, and shows it. */
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

/** @param {Record<string, any>} made a new prompt */
function take(made) {
  prompt = made;
  fingerprints = fingerprintsOf(made);
  idsOf = new Map();
  for (const id of Object.keys(made)) {
    const node = nodeOf(id);
    if (isOurs(node)) idsOf.set(node, [...(idsOf.get(node) ?? []), id]);
  }
  tell(promptListeners, undefined);
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<Preview>}
 */
async function answerFor(made, signal) {
  try {
    return await post("preview", { prompt: made }, BADGE_MS, signal);
  } catch (/** @type {any} */ error) {
    // Better no price than an old one.
    if (!signal.aborted) setTimeout(requestPreview, RETRY_MS);
    return { nodes: {}, total: { badge: t("price unknown"), hint: error.message, level: "ask" } };
  }
}

export const hasOurs = (made) =>
  Object.values(made).some((node) => String(node.class_type).startsWith("Venice"));

/** @type {Set<any>} */
let shownOn = new Set();
/** What the badge of a node tells.
 * @type {Map<any, any>} */
const entries = new Map();

function showOnNodes() {
  /** @type {Map<any, HTMLElement[]>} */
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

/** What the server has to say about a node, beside its price. */
function linesOf(entry) {
  const line = (kind, text) => element("div", { class: `venice-line venice-${kind}`, text });
  const isMissing = entry.level === "input";
  return [
    ...(entry.sent ? [line("sends", said(entry.sent))] : []),
    ...(entry.error ? [line(isMissing ? "hint" : "warning", said(entry.error))] : []),
    ...(entry.warnings ?? []).map((text) => line("warning", said(text))),
  ];
}

export const levelOf = (entry) => (entry?.level in COLORS ? entry.level : "ok");

/** Adds the badge with the price to a node that pays; it is empty on any other. */
export function addPrice(node) {
  addBadge(node, () => {
    const entry = entries.get(node);
    const level = /** @type {keyof typeof COLORS} */ (levelOf(entry));
    return { text: said(entry?.price?.text), ...COLORS[level] };
  });
}
