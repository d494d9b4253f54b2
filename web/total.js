// @ts-check
/** What a whole run will cost: the sum by the Run button, and the question before a dear run. */

import { app } from "../../scripts/app.js";
import { confirm, element } from "./elements.js";
import { isLink } from "./fingerprints.js";
import { allNodes, isOurs } from "./graph.js";
import {
  ANSWER_MS,
  hasOurs,
  isUnasked,
  levelOf,
  onPreview,
  preview,
  refreshPreview,
} from "./preview.js";
import { account, post } from "./server.js";

const TITLE = "What a run of this workflow will cost. Click for the Venice sidebar.";
const total = element("button", { type: "button", class: "venice-total" });

/**
 * The sum by the Run button; `open` is what a click on it does.
 * @param {() => unknown} open
 */
export function placeTotal(open) {
  onPreview(showTotal);
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
  total.title = [sum?.hint, TITLE].filter(Boolean).join("\n");
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
  const usd = sum.usd ?? sum.to ?? sum.from ?? 0; // Without a bound it is `from` at least.
  const most = account.now?.key?.is_sandbox ? null : account.now?.limits?.ask_above_usd;
  const isDear = sum.is_above_ask || (runs > 1 && typeof most === "number" && usd * runs > most);
  if (!isDear) return true;
  const lines = [sum.text, ...(runs > 1 ? [`${runs} such runs are asked for.`] : [])];
  return confirm("Run?", lines, "Run");
}

/** Whether the graph has nodes that pay; where the server has not said, whether it has any of ours. */
export const mayPay = () =>
  isUnasked() ? [...allNodes()].some(isOurs) : Object.keys(preview.nodes).length > 0;

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
