// @ts-check
/** The checks before a run: a key, the limits, and the question about its price. */

import { makePrompt } from "./comfy.js";
import { button, dollars, element, endRow, fact, openDialog } from "./elements.js";
import { isLink } from "./fingerprints.js";
import { allNodes, mayHoldOurs, nodeOf } from "./graph.js";
import { ANSWER_MS, hasOurs } from "./preview.js";
import { keepForReload, readForReload } from "./reload.js";
import { account, post } from "./server.js";
import { askForKey, openSettings } from "./settings.js";
import { said, t } from "./texts.js";

/**
 * One press of Run. agreed: the dollars that a person accepted for each of its runs; agreedText: the
 * text they accepted, if nobody knows the most. allowed: the last accepted prompt.
 * @typedef {{runs: number, agreed: number, agreedText: string, allowed: string,
 *   isRefused: boolean}} Press
 */

/** @type {(runs: number) => Press} */
const newPress = (runs) => ({ runs, agreed: 0, agreedText: "", allowed: "", isRefused: false });

let press = newPress(1);
let isAsking = false;

/** Whether a press of Run may go on.
 * @param {number} runs @param {unknown[] | undefined} targets ids of the nodes to run, else all */
export async function mayRun(runs, targets) {
  if (isAsking) return false; // "Run on change" must not ask twice at once.
  isAsking = true;
  try {
    press = newPress(runs);
    // Make no prompt in vain: nodes of other packs may act on it.
    return ![...allNodes()].some(mayHoldOurs) || (await mayQueue(await makePrompt(), targets));
  } finally {
    isAsking = false;
  }
}

/** Forget what the user answered: the press of Run has queued all of its prompts. */
export function endRun() {
  press = newPress(1);
}

/**
 * Whether ComfyUI may queue a prompt. This is the one it really sends: seeds may have changed since
 * the press of Run, and other scripts queue their own.
 * @param {Prompt} prompt @param {unknown[] | undefined} targets ids of the nodes to run, else all
 */
export async function mayQueue(prompt, targets) {
  const wanted = targets?.length ? upTo(prompt, targets.map(String)) : prompt;
  if (!hasOurs(wanted)) return true;
  const text = JSON.stringify(wanted);
  if (!press.isRefused && text !== press.allowed) press.isRefused = !(await isAgreed(wanted));
  press.allowed = text;
  return !press.isRefused;
}

/** @param {Prompt} prompt */
async function isAgreed(prompt) {
  const priceOf = () => post("preview", { prompt, runs: press.runs }, ANSWER_MS).catch(() => null);
  let answer = await priceOf();
  const pays = !answer || Object.keys(answer.nodes).length > 0;
  const key = pays ? await askForKey() : "known";
  if (!key) return false;
  if (key === "new") answer = await priceOf();
  const total = answer?.total ?? {
    must_ask: true,
    text: t("The price is unknown: ComfyUI didn't answer in time."),
  };
  if (total.over) return tellOver(total.over.text);
  const usd = mostOf(total);
  if (!total.must_ask || usd <= press.agreed || total.text === press.agreedText) return true;
  if (usd * press.runs <= unaskedToday()) return true;
  if (!(await confirmPrice(total, answer?.nodes ?? {}))) return false;
  if (Number.isFinite(usd)) press.agreed = usd;
  else press.agreedText = total.text;
  return true;
}

/** The most dollars that one run can cost, or infinity.
 * @param {Partial<TotalPreview>} total */
const mostOf = ({ is_known, is_bounded, usd, to }) =>
  (is_known && is_bounded ? (usd ?? to) : null) ?? Number.POSITIVE_INFINITY;

const UNASKED = "venice.unasked";
const today = () => new Date().toDateString();

/** The price up to which this tab asks no question today. Limits hold. */
function unaskedToday() {
  const { day, usd } = readForReload(UNASKED, {});
  return day === today() ? usd : 0;
}

/** Ask whether to spend the money.
 * @param {TotalPreview} total @param {Record<string, NodePreview>} nodes by execution id */
async function confirmPrice(total, nodes) {
  const { usd } = total;
  const isExact = typeof usd === "number";
  const price = dollars(isExact ? usd * press.runs : null);
  const title = isExact ? t("Run for about {price}?", { price }) : t("Run this workflow?");
  const run = isExact ? t("Run for {price}", { price }) : t("Run");
  const all = mostOf(total) * press.runs;
  const most = Number.isFinite(all) ? all : 0;
  const unasked = element("input", { type: "checkbox" });
  const offer = t("Don't ask again today for runs up to {price}", { price: dollars(most || null) });
  const answer = await openDialog(title, (close) => [
    element("p", { text: said(total.text) }),
    element("div", { class: "venice-bill" }, ...billOf(total, nodes)),
    ...(most ? [element("label", { class: "venice-row" }, unasked, offer)] : []),
    endRow(
      button(t("Cancel"), () => close(false)),
      button(run, () => close(true)),
    ),
  ]);
  if (answer && unasked.checked) keepForReload(UNASKED, { day: today(), usd: most });
  return answer === true;
}

/** A line for each node that pays in one run, their sum, and the balance after all runs.
 * @param {TotalPreview} total @param {Record<string, NodePreview>} nodes */
function billOf(total, nodes) {
  const paying = Object.entries(nodes).filter(([, { runs, price }]) => runs && !price.is_free);
  const balance = account.now?.balance_usd;
  const { usd } = total;
  const isTold = typeof balance === "number" && typeof usd === "number";
  return [
    ...paying.map(([id, { price }]) => fact(nodeOf(id)?.title ?? id, said(price.text))),
    paying.length > 1 && fact(t("Total"), said(total.badge)),
    isTold && fact(t("Balance afterward"), dollars(balance - usd * press.runs)),
  ];
}

/** Show the limit that stops the run. @param {string} text */
async function tellOver(text) {
  const answer = await openDialog(t("Over your limit"), (close) => [
    element("p", { text: `${said(text)} ${t("Nothing was sent.")}` }),
    endRow(
      button(t("Cancel"), () => close(false)),
      button(t("Open settings"), () => close(true)),
    ),
  ]);
  if (answer) await openSettings();
  return false;
}

/** The part of a prompt that these nodes need. @param {Prompt} prompt @param {string[]} ids */
function upTo(prompt, ids) {
  /** @type {Prompt} */
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
