// @ts-check
/** What a run will cost and send, before it: asked of the server after each change of the graph. */

import { app } from "../../scripts/app.js";
import { confirm, element } from "./elements.js";
import { allNodes, isLinked, isOurs, nodeOf, nodesOf, redraw } from "./graph.js";
import { panelOf } from "./panel.js";
import { account, post } from "./server.js";

const LOOK_EVERY_MS = 100;
const QUIET_MS = 200;
/** Looking at the graph takes at most this part of the page's time. */
const SHARE_OF_TIME = 0.03;
/** How long a run waits for its price, and how long a badge does. */
const ANSWER_MS = 3_000;
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
  if (!nodes.some(isOurs)) return different;
  // Some widgets act when a prompt is made of them (a camera takes a picture): they are not asked
  // again but for a change in a node of ours.
  const looked = nodes.some(actsWhenRead) ? nodes.filter(isOurs) : nodes;
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
  !isOurs(node) &&
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
  const prompt = [...allNodes()].some(isOurs) ? (await app.graphToPrompt()).output : {};
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
const hasOurs = (prompt) =>
  Object.values(prompt).some((node) => String(node.class_type).startsWith("Venice"));

function showAll() {
  showOnNodes();
  showTotal();
  reactive.venicePreview = (reactive.venicePreview ?? 0) + 1;
  redraw();
  for (const listener of listeners) listener();
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
    }),
    element("span", { text: ` ${title}${entry.sent ?? ""}` }),
  );
  const error = entry.error && element("div", { class: "venice-wrong", text: entry.error });
  const warnings = (entry.warnings ?? []).map((/** @type {string} */ text) =>
    element("div", { class: "venice-warning", text }),
  );
  return element("div", {}, line, error, ...warnings);
}

/** @param {any} entry */
const levelOf = (entry) => (entry?.level in COLORS ? entry.level : "ok");

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

const total = element("button", {
  type: "button",
  class: "venice-total",
  title: "What a run of this workflow will cost. Click for the Venice sidebar.",
});

/**
 * The sum by the Run button; `open` is what a click on it does.
 * @param {() => unknown} open
 */
export function placeTotal(open) {
  total.onclick = open;
  const menu = /** @type {any} */ (app).menu?.element;
  const settings = /** @type {any} */ (app).menu?.settingsGroup?.element;
  if (settings) settings.before(total);
  else menu?.append(total);
}

function showTotal() {
  const sum = preview.total;
  const text = sum?.badge ?? "";
  for (const place of [total, appTotal]) {
    place.textContent = text;
    place.className = `venice-total venice-${levelOf(sum)}`;
    place.hidden = !text;
  }
}

const appTotal = element("div", { class: "venice-total", hidden: true });

/** The same sum above the Run button of App mode, which has no nodes to show prices on. */
export function placeTotalInApp() {
  const run = document.querySelector('[data-testid="linear-run-button"]');
  if (run && run.previousSibling !== appTotal) run.before(appTotal);
}

/**
 * Asks before a run that costs much. Resolves to false where the person cancels.
 * @param {number} runs
 * @param {string[] | undefined} targets the ids of the nodes to run, else all
 */
export async function confirmCost(runs, targets) {
  const sum = await costOf(targets).catch(() => null);
  if (!sum) return true; // A server that does not answer: it checks its limits itself.
  const usd = sum.usd ?? sum.to ?? 0;
  const most = account.now?.limits?.ask_above_usd;
  const isDear = sum.is_above_ask || (runs > 1 && typeof most === "number" && usd * runs > most);
  if (!isDear) return true;
  const lines = [sum.text, ...(runs > 1 ? [`${runs} such runs are asked for.`] : [])];
  return confirm("Run?", lines, "Run");
}

/** Whether the graph has nodes that pay; where the server has not said, whether it has any of ours. */
export const mayPay = () =>
  preview === NOTHING ? [...allNodes()].some(isOurs) : Object.keys(preview.nodes).length > 0;

/** @param {string[] | undefined} targets */
async function costOf(targets) {
  if (!targets?.length) return (await refreshPreview()).total;
  const { output } = await app.graphToPrompt();
  const prompt = upTo(output, targets.map(String));
  return hasOurs(prompt) ? (await post("preview", { prompt }, ANSWER_MS)).total : null;
}

/**
 * The part of a prompt that these nodes need.
 * @param {any} prompt
 * @param {string[]} ids
 */
function upTo(prompt, ids) {
  /** @type {any} */
  const found = {};
  const todo = [...ids];
  for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
    if (found[id] || !prompt[id]) continue;
    found[id] = prompt[id];
    for (const value of Object.values(prompt[id].inputs))
      if (isLink(value)) todo.push(String(value[0]));
  }
  return found;
}

/** @param {any} value */
const isLink = (value) =>
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
