// @ts-check
/** What a run will cost and send, before it: asked of the server after each change of the graph. */

import { app } from "../../scripts/app.js";
import { element } from "./elements.js";
import { fingerprintsOf } from "./fingerprints.js";
import { allNodes, isOurs, mayHoldOurs, nodeOf, nodesOf, redraw } from "./graph.js";
import { panelOf } from "./panel.js";
import { post, tell } from "./server.js";

const LOOK_EVERY_MS = 100;
const QUIET_MS = 200;
/** Looking at the graph takes at most this part of the page's time. */
const SHARE_OF_TIME = 0.03;
/** How long a run waits for its price, and how long a badge does. */
export const ANSWER_MS = 3_000;
const BADGE_MS = 8_000;
const RETRY_MS = 10_000;
/** How many times as long as a prompt takes to make the page is then left alone. */
const PAUSES_A_PROMPT = 3;
const COLORS = {
  ok: ["#e8f5e9", "#2e5a37"],
  ask: ["#221a00", "#e0a526"],
  over: ["#ffffff", "#b3261e"],
};

/** @typedef {{nodes: Record<string, any>, total: any}} Preview */

/** @type {Preview} */
const NOTHING = { nodes: {}, total: null };
const UNKNOWN = "price unknown";

/** The last answer. */
export let preview = NOTHING;

/** A short sum of each node's inputs and all before it, by execution id, at the last look. */
export let fingerprints = new Map();

/** @type {Set<() => void>} */
const listeners = new Set();

/** @param {() => void} listener called after each look */
export const onPreview = (listener) => listeners.add(listener);

/** Starts to look for changes. */
export function watchGraph() {
  const look = async () => {
    const begun = performance.now();
    const change = changed();
    const took = performance.now() - begun;
    if (change) dirtySince = performance.now();
    else if (dirtySince && performance.now() - dirtySince >= QUIET_MS - LOOK_EVERY_MS) {
      dirtySince = 0;
      await refreshPreview(BADGE_MS).catch(() => setTimeout(requestPreview, RETRY_MS));
    }
    // Of a large graph the page takes long to make a prompt: it is asked less often.
    const rest = dirtySince ? 0 : promptMs * PAUSES_A_PROMPT;
    setTimeout(look, Math.max(LOOK_EVERY_MS, took / SHARE_OF_TIME, rest));
  };
  void look();
}

let dirtySince = 1;

/** Has the graph looked at again, whatever changed. */
export function requestPreview() {
  dirtySince ||= performance.now();
}

/** @type {WeakMap<any, any[]>} */
const lastSeen = new WeakMap();
let lastNodes = 0;

/** Whether anything that a prompt is made of is another than at the last call. */
function changed() {
  const nodes = [...allNodes()];
  let different = nodes.length !== lastNodes;
  lastNodes = nodes.length;
  if (!nodes.some(mayHoldOurs)) return different;
  // Some widgets act when a prompt is made of them (a camera takes a picture): they are not asked
  // again but for a change in a node of ours.
  const looked = nodes.some(actsWhenRead) ? nodes.filter(mayHoldOurs) : nodes;
  for (const node of looked) {
    const values = valuesOf(node);
    const before = lastSeen.get(node);
    if (!before || before.length !== values.length || values.some((v, i) => v !== before[i])) {
      lastSeen.set(node, values);
      different = true;
    }
  }
  return different;
}

/** @param {any} node */
function valuesOf(node) {
  const values = [node.mode];
  for (const widget of node.widgets ?? []) {
    if (widget.serialize !== false && widget.options?.serialize !== false)
      values.push(widget.value);
  }
  for (const input of node.inputs ?? []) values.push(input.link);
  return values;
}

const HARMLESS = new Set(["text", "customtext", "string", "combo", "number", "toggle", "slider"]);

/** @param {any} node */
const actsWhenRead = (node) =>
  !mayHoldOurs(node) &&
  (node.widgets ?? []).some(
    (/** @type {any} */ widget) =>
      Object.hasOwn(widget, "serializeValue") && !HARMLESS.has(String(widget.type).toLowerCase()),
  );

let asked = 0;
/** How long the last prompt took to make. */
let promptMs = 0;

/**
 * Asks the server what the graph as it is will cost and send.
 * @returns {Promise<Preview>}
 */
export async function refreshPreview(timeoutMs = ANSWER_MS) {
  const number = ++asked;
  const begun = performance.now();
  const prompt = [...allNodes()].some(mayHoldOurs) ? (await app.graphToPrompt()).output : {};
  promptMs = performance.now() - begun;
  const wanted = hasOurs(prompt) ? post("preview", { prompt }, timeoutMs) : NOTHING;
  const shown = await Promise.resolve(wanted).catch((error) => withoutAnswer(prompt, error));
  if (number === asked) {
    fingerprints = fingerprintsOf(prompt);
    preview = shown;
    showAll();
  }
  return wanted;
}

/**
 * Where the server does not answer, the page says so instead of showing an old price.
 * @param {any} prompt
 * @param {Error} error
 * @returns {Preview}
 */
function withoutAnswer(prompt, error) {
  const entry = { price: { text: UNKNOWN }, level: "ask", error: error.message };
  const paying = Object.keys(prompt).filter((id) => isPaying(nodeOf(id)));
  const nodes = Object.fromEntries(paying.map((id) => [id, entry]));
  return { nodes, total: paying.length > 0 ? { badge: UNKNOWN, level: "ask" } : null };
}

/** Every node that pays tells in "info" what it did.
 * @param {any} node */
const isPaying = (node) =>
  isOurs(node) && node.outputs?.some((/** @type {any} */ output) => output.name === "info");

/** @param {any} prompt */
export const hasOurs = (prompt) =>
  Object.values(prompt).some((node) => String(node.class_type).startsWith("Venice"));

function showAll() {
  tell([showOnNodes, ...listeners], undefined);
  reactive.venicePreview = (reactive.venicePreview ?? 0) + 1;
  redraw();
}

// Vue draws badges again only where something reactive that they read has changed.
/** @type {any} */
let reactive = {};

/** @type {Set<any>} */
let shownOn = new Set();

function showOnNodes() {
  /** @type {Map<any, [string, any][]>} */
  const byNode = new Map();
  for (const [id, entry] of Object.entries(preview.nodes)) {
    for (const { node } of nodesOf(id))
      byNode.set(node, [...(byNode.get(node) ?? []), [id, entry]]);
  }
  for (const node of shownOn) if (!byNode.has(node)) panelOf(node)?.sent.replaceChildren();
  for (const [node, entries] of byNode) {
    panelOf(node)?.sent.replaceChildren(...entries.map(([id, entry]) => sentLine(node, id, entry)));
  }
  shownOn = new Set(byNode.keys());
}

/**
 * @param {any} node
 * @param {string} id
 * @param {any} entry of the answer
 */
function sentLine(node, id, entry) {
  const title = node.subgraph ? `${nodesOf(id).at(-1)?.node.title ?? id}: ` : "";
  const line = element(
    "div",
    { class: "venice-line" },
    element("span", {
      class: `venice-price venice-${levelOf(entry)}`,
      text: entry.price?.text ?? "",
      title: entry.price?.hint ?? "",
    }),
    element("span", { text: ` ${title}${entry.sent ?? ""}` }),
  );
  const error = entry.error && element("div", { class: "venice-wrong", text: entry.error });
  const isSaid = (/** @type {string} */ text) =>
    entry.sent?.includes(text.replace(/ by \S+\.$/, " by this model"));
  const warnings = (entry.warnings ?? [])
    .filter((/** @type {string} */ text) => !isSaid(text))
    .map((/** @type {string} */ text) => element("div", { class: "venice-warning", text }));
  return element("div", {}, line, error, ...warnings);
}

/** @param {any} entry */
export const levelOf = (entry) => (entry?.level in COLORS ? entry.level : "ok");

/**
 * Adds the badge with the price to a node that pays; it is empty on any other.
 * @param {any} node
 */
export function addBadge(node) {
  reactive = app.extensionManager ?? reactive;
  const Badge = /** @type {any} */ (window).LGraphBadge;
  if (!Badge || !node.badges) return;
  node.badges.push(() => {
    void reactive.venicePreview;
    const entry = entryOf(node);
    const [fgColor, bgColor] = COLORS[/** @type {keyof typeof COLORS} */ (levelOf(entry))];
    return new Badge({ text: entry?.price?.text ?? "", fgColor, bgColor });
  });
}

/** @param {any} node */
function entryOf(node) {
  const direct = preview.nodes[String(node.id)];
  if (direct && nodesOf(String(node.id)).at(-1)?.node === node) return direct;
  const inner = Object.entries(preview.nodes).find(([id]) => nodesOf(id).at(-1)?.node === node);
  return inner?.[1];
}
