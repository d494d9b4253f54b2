// @ts-check
/** What comes before a run: a key, the limits, and the question whether to spend the money. */

import { app } from "../../scripts/app.js";
import { button, confirm, element, openDialog } from "./elements.js";
import { isLink } from "./fingerprints.js";
import { allNodes, mayHoldOurs } from "./graph.js";
import { ANSWER_MS, hasOurs } from "./preview.js";
import { post } from "./server.js";
import { askForKey, openSettings } from "./settings.js";

/** What is told of a run whose price the server doesn't tell in time. */
const NO_ANSWER = {
  must_ask: true,
  reserved_usd: null,
  text: "The price is unknown: ComfyUI didn't answer in time.",
};

/**
 * One press of Run. agreed: dollars that a person agreed to spend on each of its runs. allowed: the
 * prompt that may be queued as it is.
 * @typedef {{runs: number, agreed: number, allowed: string, isRefused: boolean}} Press
 */

/** @type {(runs: number) => Press} */
const newPress = (runs) => ({ runs, agreed: 0, allowed: "", isRefused: false });

let press = newPress(1);
let isAsking = false;

/** Has every run that the page starts pass the question first. */
export function watchRuns() {
  const run = app.queuePrompt;
  app.queuePrompt = async function (/** @type {any[]} */ ...given) {
    if (isAsking) return false; // "Run on change" must not ask twice at once.
    isAsking = true;
    try {
      if (!(await mayRun(given))) return false;
    } finally {
      isAsking = false;
    }
    return run.apply(this, /** @type {any} */ (given));
  };
}

/** @param {any[]} given to queuePrompt: number, runs, and options or ids of nodes */
async function mayRun([, runs = 1, options]) {
  press = newPress(runs);
  // A node of others may act when a prompt is made of it, so none is made in vain.
  if (![...allNodes()].some(mayHoldOurs)) return true;
  const { output } = await app.graphToPrompt();
  return mayQueue(output, Array.isArray(options) ? options : options?.queueNodeIds);
}

/**
 * Whether a prompt may be queued. ComfyUI calls this with the one that it really sends: seeds may
 * have changed since the press of Run, and other scripts queue prompts of their own.
 * @param {any} prompt
 * @param {any[] | undefined} targets the ids of the nodes to run, else all
 */
export async function mayQueue(prompt, targets) {
  const wanted = targets?.length ? upTo(prompt, targets.map(String)) : prompt;
  if (!hasOurs(wanted)) return true;
  const text = JSON.stringify(wanted);
  if (!press.isRefused && text !== press.allowed) press.isRefused = !(await isAgreed(wanted));
  press.allowed = text;
  return !press.isRefused;
}

/** @param {any} prompt */
async function isAgreed(prompt) {
  const priceOf = () => post("preview", { prompt, runs: press.runs }, ANSWER_MS).catch(() => null);
  let answer = await priceOf();
  const pays = !answer || Object.keys(answer.nodes).length > 0;
  const key = pays ? await askForKey() : "known";
  if (!key) return false;
  if (key === "new") answer = await priceOf();
  const total = answer?.total ?? NO_ANSWER;
  if (total.over) return tellOver(total.over.text);
  const usd = total.reserved_usd ?? Number.POSITIVE_INFINITY;
  if (!total.must_ask || usd <= press.agreed) return true;
  if (!(await confirm("Run this workflow?", [total.text], "Run"))) return false;
  press.agreed = usd;
  return true;
}

/**
 * Tells of a limit that the run would break; it is not started.
 * @param {string} text
 */
async function tellOver(text) {
  const answer = await openDialog("Over your limit", (close) => [
    element("p", { text: `${text} Nothing was sent.` }),
    element(
      "div",
      { class: "venice-row venice-end" },
      button("Cancel", () => close(false)),
      button("Open settings", () => close(true), {
        class: "venice-button venice-primary",
        autofocus: true,
      }),
    ),
  ]);
  if (answer) await openSettings();
  return false;
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
