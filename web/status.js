// @ts-check
/** A status that stays: it comes by the socket, is shown on its node, and is kept with it. */

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";
import { element, notify } from "./elements.js";
import { fingerprintsOf } from "./fingerprints.js";
import {
  activeWorkflow,
  allNodes,
  keepOutOfUndo,
  nodeOf,
  nodesOf,
  redraw,
  rootGraph,
} from "./graph.js";
import { panelOf } from "./panel.js";
import { fingerprints, onPreview } from "./preview.js";
import { mayQueue } from "./question.js";
import { showLastSeed, useSeed } from "./seed.js";
import { openSettings } from "./settings.js";

const PROPERTY = "venice";
const STORED = "venice.status:";
/** The id of a graph that was cleared: any other such graph has it too. */
const NO_ID = /^[0-]*$/;
const PROGRESS_TEXT = "$$node-text-preview";
const KEPT_JOBS = 64;
const ENDS = new Set(["done", "error"]);
const MAX_TEXT = 2_000;
/** Errors that Settings → Venice can end. */
const OF_SETTINGS = /(Settings|Authentication|SpendingLimit|PaymentRequired)Error$/;

/**
 * @typedef {{id: string, text: string, kind: string, seed: number | null,
 *   again: {seed: number | null, pays_for: number} | null, print: number | null}} Status
 */

/** What this page saw, by workflow: the truth, whatever undo or a tab brings back.
 * @type {WeakMap<object, Map<string, Status>>} */
const seen = new WeakMap();
/** The workflow and the inputs of each run that this page queued, by prompt id.
 * @typedef {{workflow: any, prints: Map<string, number>, graph: string}} Job
 * @type {Map<string, Job>} */
const jobs = new Map();
const NO_WORKFLOW = {};

/** The statuses that this page saw of the workflow in front. */
const statusesNow = () => seen.get(activeWorkflow() ?? NO_WORKFLOW);

/** Listens to the socket and to what is queued. */
export function watchStatus() {
  const queue = api.queuePrompt;
  api.queuePrompt = async function (/** @type {any[]} */ ...given) {
    if (!(await mayQueue(given[1]?.output ?? {}, given[2]?.partialExecutionTargets))) {
      return /** @type {any} */ ({}); // As of a prompt that made no job.
    }
    const workflow = activeWorkflow() ?? NO_WORKFLOW;
    const prints = fingerprintsOf(given[1]?.output ?? {});
    const graph = rootGraph()?.id;
    const answer = await queue.apply(this, /** @type {any} */ (given));
    if (answer?.prompt_id) remember(answer.prompt_id, { workflow, prints, graph });
    return answer;
  };
  const listen = (/** @type {string} */ name, /** @type {(detail: any) => void} */ heard) =>
    api.addEventListener(/** @type {any} */ (name), (/** @type {any} */ event) =>
      heard(event.detail),
    );
  listen("venice.status", take);
  listen("executed", ({ output, prompt_id, node }) => {
    const of = output?.venice_status;
    if (Array.isArray(of)) for (const one of of) take({ ...one, prompt_id, node });
  });
  listen("execution_error", showError);
  // Before it is drawn: the node would grow for it.
  listen("progress_text", ({ nodeId }) => queueMicrotask(() => removeProgressText(String(nodeId))));
  onPreview(showStale);
}

/**
 * @param {string} promptId
 * @param {Job} job
 */
function remember(promptId, job) {
  jobs.set(promptId, job);
  if (jobs.size > KEPT_JOBS) jobs.delete(/** @type {string} */ (jobs.keys().next().value));
}

/** ComfyUI's own line says the same, and is not kept.
 * @param {string} id */
function removeProgressText(id) {
  for (const { node } of nodesOf(id)) {
    const at =
      node.widgets?.findIndex((/** @type {any} */ one) => one.name === PROGRESS_TEXT) ?? -1;
    if (at < 0 || !nodesOf(id).at(-1)?.node.comfyClass?.startsWith("Venice")) continue;
    node.widgets[at].onRemove?.();
    node.widgets.splice(at, 1);
  }
}

/** @param {any} message */
function take(message) {
  const id = String(message.node ?? "");
  const job = jobs.get(message.prompt_id);
  const workflow = job?.workflow ?? activeWorkflow() ?? NO_WORKFLOW;
  const status = {
    id,
    text: String(message.text ?? "").slice(0, MAX_TEXT),
    kind: String(message.kind ?? "done"),
    seed: typeof message.seed === "number" ? message.seed : null,
    again: message.again ?? null,
    print: job?.prints.get(id) ?? null,
  };
  const own = seen.get(workflow) ?? new Map();
  seen.set(workflow, own.set(id, status));
  if (status.kind !== "progress") store(own, job?.graph ?? rootGraph()?.id);
  // That of another tab is shown when the tab comes back.
  if (workflow === (activeWorkflow() ?? NO_WORKFLOW)) place(status);
}

/** Shows the statuses of the workflow in front, which was loaded just now. */
export function restoreStatus() {
  const workflow = activeWorkflow() ?? NO_WORKFLOW;
  const known = seen.get(workflow) ?? readStored();
  seen.set(workflow, known);
  for (const node of allNodes()) if (node.properties?.[PROPERTY]) show(node);
  for (const status of known.values()) place(status);
}

/**
 * Puts a status on its node and on the outer nodes of the subgraphs around it.
 * @param {Status} status
 */
function place(status) {
  for (const { node, rest } of nodesOf(status.id)) {
    keep(node, rest, status);
    show(node);
  }
  redraw();
}

/**
 * Keeps a status in the node's properties, which are saved with the workflow.
 * @param {any} node
 * @param {string} rest
 * @param {Status} status
 */
function keep(node, rest, status) {
  if (status.kind === "progress") {
    passing.set(node, { ...(passing.get(node) ?? {}), [rest]: status });
    return;
  }
  const ended = { ...(passing.get(node) ?? {}) };
  delete ended[rest];
  passing.set(node, ended);
  node.properties ??= {};
  node.properties[PROPERTY] = { ...savedOf(node), [rest]: status };
  keepOutOfUndo(node, { properties: node.properties });
}

/** What passes while a run is under way; not saved.
 * @type {WeakMap<any, Record<string, Status>>} */
const passing = new WeakMap();

/**
 * The statuses that a node was saved with; not those that came with a copy of another node.
 * @param {any} node
 * @returns {Record<string, Status>}
 */
function savedOf(node) {
  return Object.fromEntries(
    Object.entries(Object(node.properties?.[PROPERTY])).filter(([rest, status]) => {
      if (!isSound(status)) return false;
      const own = rest ? status.id.slice(0, -rest.length - 1) : status.id;
      return own === String(node.id) || own.endsWith(`:${node.id}`);
    }),
  );
}

/**
 * Whether this is an ended status as this page writes it: a workflow may hold anything.
 * @param {any} status
 */
function isSound(status) {
  const { id, text, kind, seed, again, print } = Object(status);
  const isNumber = (/** @type {any} */ value) => value === null || typeof value === "number";
  const isAgain = again === null || (isNumber(again?.seed) && typeof again?.pays_for === "number");
  const isText = typeof text === "string" && text.length <= MAX_TEXT;
  return (
    typeof id === "string" &&
    isText &&
    ENDS.has(kind) &&
    isNumber(seed) &&
    isAgain &&
    isNumber(print)
  );
}

/**
 * Whether this page saw the run that a status tells of.
 * @param {Status} status
 */
const isOwn = (status) =>
  status.kind === "progress" || statusesNow()?.get(status.id)?.text === status.text;

/**
 * Shows what a node has to say, as of now.
 * @param {any} node
 */
export function show(node) {
  const statuses = Object.entries({ ...savedOf(node), ...(passing.get(node) ?? {}) });
  if (statuses.length === 0) return;
  showLastSeed(node, statuses.find(([rest]) => !rest)?.[1].seed ?? null);
  panelOf(node)?.status.replaceChildren(...statuses.map(([rest, status]) => lineOf(rest, status)));
}

/**
 * @param {string} rest
 * @param {Status} status
 */
function lineOf(rest, status) {
  const title = rest ? `${nodeOf(status.id)?.title ?? rest}: ` : "";
  const origin = isOwn(status) ? "" : "Saved with this workflow: ";
  return element("div", {
    class: `venice-line venice-${status.kind} ${isStale(status) ? "venice-stale" : ""}`,
    text: `${origin}${title}${status.text}`,
    title: isStale(status) ? "From an earlier run with different inputs." : "",
  });
}

/** @param {Status} status */
function isStale(status) {
  const now = fingerprints.get(status.id);
  return (
    status.kind !== "progress" && status.print !== null && now !== undefined && now !== status.print
  );
}

function showStale() {
  for (const id of fingerprints.keys()) for (const { node } of nodesOf(id)) show(node);
}

// A page that is loaded again has the graph as it was at the last change, before the run's end.
/**
 * @param {Map<string, Status>} statuses
 * @param {string} graph the id of the graph they belong to
 */
function store(statuses, graph) {
  if (NO_ID.test(graph)) return;
  try {
    const ended = [...statuses.values()].filter((status) => status.kind !== "progress");
    sessionStorage.setItem(STORED + graph, JSON.stringify(ended));
  } catch {
    // A full or forbidden storage: the status is shown all the same.
  }
}

/** @returns {Map<string, Status>} */
function readStored() {
  const graph = rootGraph()?.id;
  if (NO_ID.test(graph)) return new Map();
  try {
    const stored = JSON.parse(sessionStorage.getItem(STORED + graph) ?? "[]");
    return new Map(stored.filter(isSound).map((/** @type {Status} */ one) => [one.id, one]));
  } catch {
    return new Map();
  }
}

/** @param {any} error of ComfyUI's message */
function showError(error) {
  if (!String(error?.node_type ?? "").startsWith("Venice")) return;
  const id = String(error.node_id);
  const job = jobs.get(error.prompt_id);
  const again = seen.get(job?.workflow ?? activeWorkflow() ?? NO_WORKFLOW)?.get(id)?.again;
  const first = String(error.exception_message ?? "").split("\n")[0];
  const actions = [];
  if (again) {
    const seed = again.seed === null ? "Queue again" : `Use seed ${again.seed} and queue again`;
    const text = `${seed} (pays for ${again.pays_for})`;
    actions.push({ text, action: () => queueAgain(id, again.seed) });
  }
  if (OF_SETTINGS.test(String(error.exception_type))) {
    actions.push({ text: "Open Venice settings", action: openSettings });
  }
  notify("error", nodeOf(id)?.title ?? error.node_type, first, actions);
}

/**
 * @param {string} id
 * @param {number | null} seed
 */
async function queueAgain(id, seed) {
  const node = nodeOf(id);
  if (node && seed !== null) useSeed(node, seed);
  await app.queuePrompt(0, 1);
}

/** The status lines of App mode, which has no nodes to show them on. */
const inApp = element("div", { class: "venice-app-status" });

export function placeStatusInApp() {
  const run = document.querySelector('[data-testid="linear-run-button"]');
  if (!run) return;
  if (run.nextSibling !== inApp) run.after(inApp);
  const known = [...(statusesNow()?.values() ?? [])];
  const lines = known.map((status) => `${nodeOf(status.id)?.title ?? status.id}: ${status.text}`);
  if (inApp.textContent !== lines.join("")) {
    inApp.replaceChildren(...lines.map((text) => element("div", { class: "venice-line", text })));
  }
}
