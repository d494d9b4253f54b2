// @ts-check
/** The status of each node: received from the server, shown on the node, saved with it. */

import {
  keepOutOfUndo,
  makePrompt,
  onMessage,
  onReconnect,
  onRunEnd,
  redraw,
  removeProgressText,
  rootGraph,
  workflowInFront,
} from "./comfy.js";
import { button, element } from "./elements.js";
import { fingerprintsOf } from "./fingerprints.js";
import { allNodes, isOurs, mayHoldOurs, nodeOf, nodesOf } from "./graph.js";
import { panelOf } from "./panel.js";
import { fingerprints, onPrompt } from "./preview.js";
import { runFor } from "./question.js";
import { keepForReload, readForReload } from "./reload.js";
import { holdsSeeds, showLastSeed, useSeeds } from "./seed.js";
import { get } from "./server.js";
import { openSettings } from "./settings.js";
import { said, t } from "./texts.js";

const PROPERTY = "venice";
const STORED = "venice.status:";
/** The id of a cleared graph, which isn't unique. */
const NO_ID = /^[0-]*$/;
const KEPT_JOBS = 64;
const STORED_RUNS = 8;
const ENDS = new Set(["done", "error", "stopped"]);
const MAX_TEXT = 2_000;
/** Errors that Settings → Venice can fix. */
const OF_SETTINGS = /(Settings|Authentication|SpendingLimit|PaymentRequired)Error$/;

/**
 * The rest of a run: its number of images, their price in words, and the seeds by node and input.
 * @typedef {{seeds: Record<string, Record<string, number>>, count: number, usd: number | null,
 *   price: string}} Again
 *
 * print: the checksum of the inputs. of_settings: whether the settings can fix this error.
 * @typedef {{id: string, text: string, kind: string, seed: number | null, print: number | null,
 *   again: Again | null, of_settings?: boolean}} Status
 */

/** The statuses that this page received, by workflow: undo and tabs may bring back others.
 * @type {WeakMap<object, Map<string, Status>>} */
const seen = new WeakMap();
/** The runs of this tab by prompt id, each with its workflow (null if queued before a reload), the
 * checksums of its nodes, its graph's id, and whether this page heard its end.
 * @typedef {{workflow: object | null, prints: Map<string, number>, graph: string,
 *   hasEnded?: boolean}} Job
 * @type {Map<string, Job>} */
const jobs = new Map();
const STORED_JOBS = "venice.jobs";
const NO_WORKFLOW = {};

/** @type {() => object} */
const workflowNow = () => workflowInFront() ?? NO_WORKFLOW;
const graphNow = () => rootGraph()?.id ?? "";

/** The workflow of a run; null if it isn't in front and was queued before a reload.
 * @param {Job | undefined} job */
function workflowOf(job) {
  if (job?.workflow) return job.workflow;
  return !job || job.graph === graphNow() ? workflowNow() : null;
}

export function watchStatus() {
  onMessage("venice.status", take);
  onMessage("executed", ({ output, prompt_id, node }) => {
    const of = output?.venice_status;
    if (Array.isArray(of)) for (const one of of) take({ ...one, prompt_id, node });
  });
  onMessage("execution_start", clearErrors);
  onMessage("execution_error", offerSettings);
  onRunEnd(({ prompt_id }) => {
    const job = jobs.get(prompt_id);
    if (job) job.hasEnded = true;
  });
  onReconnect(showMissedEnds);
  // Before ComfyUI draws it: the node would grow.
  onMessage("progress_text", ({ nodeId }) => queueMicrotask(() => removeTextOf(String(nodeId))));
  onPrompt(showStale);
}

/** Remember a run. Return what takes its id.
 * @param {Prompt} prompt @returns {(promptId: string) => void} */
export function rememberRun(prompt) {
  const job = { workflow: workflowNow(), prints: fingerprintsOf(prompt), graph: graphNow() };
  return (promptId) => {
    jobs.set(promptId, job);
    if (jobs.size > KEPT_JOBS) jobs.delete(leastNeeded());
    const last = [...jobs].slice(-STORED_RUNS);
    const told = last.map(([id, { graph, prints }]) => ({ id, graph, prints: [...prints] }));
    keepForReload(STORED_JOBS, told);
  };
}

/** The oldest run that has ended, or the oldest. */
function leastNeeded() {
  const ended = [...jobs].find(([, { hasEnded }]) => hasEnded);
  return ended?.[0] ?? /** @type {string} */ (jobs.keys().next().value);
}

/** Take the last runs of this tab before its reload. */
function restoreJobs() {
  for (const { id, graph, prints } of readForReload(STORED_JOBS, []))
    jobs.set(id, { workflow: null, graph, prints: new Map(prints) });
}

/** Show the ends of runs that this tab missed, during a reload or without its socket. */
async function showMissedEnds() {
  const ran = new Set();
  for (const [id, { graph, prints, hasEnded }] of [...jobs].reverse()) {
    const path = `ends?prompt_id=${encodeURIComponent(id)}`;
    const { ends } = hasEnded ? {} : await get(path).catch(() => ({}));
    for (const end of ends ?? []) if (!ran.has(`${graph} ${end.node}`)) take(end);
    for (const node of prints.keys()) ran.add(`${graph} ${node}`); // Earlier runs are outdated.
  }
}

/** @param {string} id */
function removeTextOf(id) {
  if (!isOurs(nodeOf(id))) return;
  for (const { node } of nodesOf(id)) removeProgressText(node);
}

/** Save and show a status. @param {{prompt_id: string, node: unknown, text?: unknown, kind?: unknown,
 *   seed?: unknown, again?: Again | null}} message */
function take(message) {
  const id = String(message.node ?? "");
  const job = jobs.get(message.prompt_id);
  const workflow = workflowOf(job);
  const graph = job?.graph ?? graphNow();
  const status = {
    id,
    text: String(message.text ?? "").slice(0, MAX_TEXT),
    kind: String(message.kind ?? "done"),
    seed: typeof message.seed === "number" ? message.seed : null,
    again: message.again ?? null,
    print: job?.prints.get(id) ?? null,
  };
  const own = (workflow ? seen.get(workflow) : readStored(graph)) ?? new Map();
  own.set(id, status);
  if (workflow) seen.set(workflow, own);
  if (status.kind !== "progress") store(own, graph);
  // Another tab shows its status when it's in front again.
  if (workflow === workflowNow()) place(status);
}

/** Remove errors and stops of earlier runs from nodes that run again.
 * @param {{prompt_id: string}} message */
function clearErrors({ prompt_id }) {
  const job = jobs.get(prompt_id);
  const workflow = workflowOf(job);
  for (const id of job?.prints.keys() ?? []) {
    const kind = workflow && seen.get(workflow)?.get(id)?.kind;
    if (kind === "error" || kind === "stopped")
      take({ prompt_id, node: id, text: "", kind: "done" });
  }
}

/** @param {{prompt_id: string, node_id: string, exception_type: string}} error */
function offerSettings({ prompt_id, node_id, exception_type }) {
  const workflow = workflowOf(jobs.get(prompt_id));
  const status = workflow && seen.get(workflow)?.get(String(node_id));
  if (status?.kind !== "error" || !OF_SETTINGS.test(String(exception_type))) return;
  status.of_settings = true;
  if (workflow === workflowNow()) place(status);
}

let isRestored = false;

/** Show the statuses of the workflow in front after its load.
 * @param {boolean} isFile whether it's a file or template: after the page's start, a fresh one */
export function restoreStatus(isFile) {
  const isFresh = isFile && isRestored;
  const known = isFresh ? new Map() : (seen.get(workflowNow()) ?? readStored(graphNow()));
  seen.set(workflowNow(), known);
  for (const node of allNodes()) if (node.properties?.[PROPERTY]) show(node);
  for (const status of known.values()) place(status);
  showInApp();
  if (!isRestored) {
    restoreJobs();
    void showMissedEnds();
  }
  isRestored = true;
}

/** Put a status on its node and on those of the subgraphs around it, unless the workflow in front has
 * another pack's node with this id. @param {Status} status */
function place(status) {
  const way = nodesOf(status.id);
  const last = way.at(-1)?.node;
  for (const { node, rest } of last && mayHoldOurs(last) ? way : []) {
    keep(node, rest, status);
    show(node);
  }
  showInApp();
  redraw();
}

/** Progress during a run, never saved. @type {WeakMap<GraphNode, Record<string, Status>>} */
const passing = new WeakMap();

/** Keep a status in the node's properties, which workflows save.
 * @param {GraphNode} node @param {string} rest of the id below the node @param {Status} status */
function keep(node, rest, status) {
  if (status.kind === "progress") {
    passing.set(node, { ...(passing.get(node) ?? {}), [rest]: status });
    return;
  }
  const ended = { ...(passing.get(node) ?? {}) };
  delete ended[rest];
  passing.set(node, ended);
  node.properties[PROPERTY] = { ...savedOf(node), [rest]: status };
  keepOutOfUndo(node, { properties: node.properties });
}

/** The statuses saved with a node, without those of another node that it's a copy of.
 * @param {GraphNode} node @returns {Record<string, Status>} */
function savedOf(node) {
  return Object.fromEntries(
    Object.entries(Object(node.properties?.[PROPERTY])).filter(([rest, status]) => {
      if (!isSound(status)) return false;
      const own = rest ? status.id.slice(0, -rest.length - 1) : status.id;
      return own === String(node.id) || own.endsWith(`:${node.id}`);
    }),
  );
}

/** Whether this is an ended status as this page writes it: a workflow may hold anything.
 * @param {unknown} status @returns {status is Status} */
function isSound(status) {
  const { id, text, kind, seed, again, print } = Object(status);
  const isNumber = (/** @type {unknown} */ value) => value === null || typeof value === "number";
  const isAgain = again === null || isSoundAgain(Object(again));
  const isText = typeof text === "string" && text.length <= MAX_TEXT;
  const isEnd = typeof id === "string" && isText && ENDS.has(kind);
  return isEnd && isNumber(seed) && isAgain && isNumber(print);
}

/** @param {Record<keyof Again, unknown>} again */
const isSoundAgain = ({ seeds, count, usd, price }) =>
  typeof count === "number" &&
  (usd === null || typeof usd === "number") &&
  typeof price === "string" &&
  Object.values(Object(seeds)).every((inputs) =>
    Object.values(Object(inputs)).every((seed) => typeof seed === "number"),
  );

/** Whether this page saw the run of a status. @param {Status} status */
const isOwn = (status) =>
  status.kind === "progress" || seen.get(workflowNow())?.get(status.id)?.text === status.text;

/** @param {GraphNode} node */
function show(node) {
  const statuses = Object.entries({ ...savedOf(node), ...(passing.get(node) ?? {}) });
  if (statuses.length === 0) return;
  showLastSeed(node, statuses.find(([rest]) => !rest)?.[1].seed ?? null);
  const lines = statuses
    .filter(([, { text }]) => text)
    .map(([rest, status]) => lineOf(rest && titleOf(status), status));
  panelOf(node)?.status.replaceChildren(...lines);
}

/** @param {Status} status */
const titleOf = ({ id }) => nodeOf(id)?.title ?? id;

/** @param {string} title of the node if another place shows the line, else "" @param {Status} status */
function lineOf(title, status) {
  const [own, stale] = [isOwn(status), isStale(status)];
  const text = title ? `${title}: ${said(status.text)}` : said(status.text);
  return element(
    "div",
    {
      class: `venice-line venice-${status.kind} ${stale ? "venice-stale" : ""}`,
      title: stale ? t("From an earlier run with different inputs.") : "",
    },
    own ? text : t("Saved with this workflow: {text}", { text }),
    ...(own && !stale ? actionsOf(status) : []),
  );
}

/** The buttons to finish a run or fix an error. @param {Status} status */
function actionsOf({ again, of_settings, seed }) {
  const actions = [];
  if (again) {
    const { count, price } = again;
    const text = count
      ? t("Finish the other {count}, {price}", { count, price: said(price) })
      : t("Get the images (free)");
    const finish = async () => {
      useSeeds(again.seeds);
      // Other images would be charged.
      if (!holdsSeeds(await makePrompt(), again.seeds))
        throw new Error(
          t("Another node sets the seed. Set it there to {seed}, then press Run.", { seed }),
        );
      return runFor(again.usd ?? 0);
    };
    actions.push(button(text, finish, { class: "venice-button venice-primary" }));
  }
  if (of_settings) actions.push(button(t("Open settings"), openSettings));
  return actions.length > 0 ? [element("div", { class: "venice-row" }, ...actions)] : [];
}

/** @param {Status} status */
function isStale({ id, kind, print }) {
  const now = fingerprints.get(id);
  return kind !== "progress" && print !== null && now !== undefined && now !== print;
}

function showStale() {
  for (const id of fingerprints.keys()) for (const { node } of nodesOf(id)) show(node);
}

/** Store ended statuses: a reload brings back the graph as it was at its last change, before the end.
 * @param {Map<string, Status>} statuses @param {string} graph its id */
function store(statuses, graph) {
  if (NO_ID.test(graph)) return;
  const ended = [...statuses.values()].filter((status) => status.kind !== "progress");
  keepForReload(STORED + graph, ended);
}

/** @param {string} graph @returns {Map<string, Status>} */
function readStored(graph) {
  const stored = NO_ID.test(graph) ? [] : readForReload(STORED + graph, []).filter(isSound);
  return new Map(stored.map((/** @type {Status} */ one) => [one.id, one]));
}

/** The status lines in App mode, which shows no nodes. */
export const appStatus = element("div", { class: "venice-app-status" });

function showInApp() {
  const known = [...(seen.get(workflowNow())?.values() ?? [])].filter(({ text }) => text);
  appStatus.replaceChildren(...known.map((status) => lineOf(titleOf(status), status)));
}
