// @ts-check
/** What comes before a run: a key, the limits, and the question whether to spend the money. */

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
 * One press of Run. agreed: dollars that a person agreed to spend on each of its runs; agreedText:
 * what they agreed to, if nobody knows the most. allowed: the prompt that may be queued as it is.
 * @typedef {{runs: number, agreed: number, agreedText: string, allowed: string,
 *   isRefused: boolean}} Press
 */

/** @type {(runs: number) => Press} */
const newPress = (runs) => ({ runs, agreed: 0, agreedText: "", allowed: "", isRefused: false });

let press = newPress(1);
let isAsking = false;

/**
 * Whether a press of Run may go on.
 * @param {number} runs
 * @param {any[] | undefined} targets the ids of the nodes to run, else all
 */
export async function mayRun(runs, targets) {
  if (isAsking) return false; // "Run on change" must not ask twice at once.
  isAsking = true;
  try {
    press = newPress(runs);
    // A node of others may act when a prompt is made of it, so none is made in vain.
    return ![...allNodes()].some(mayHoldOurs) || (await mayQueue(await makePrompt(), targets));
  } finally {
    isAsking = false;
  }
}

/**
 * Whether a prompt may be queued. ComfyUI calls this with the one that it really sends: seeds may
 * have changed since the press of Run, and other scripts queue prompts of their own.
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

async function isAgreed(prompt) {
  const priceOf = () => post("preview", { prompt, runs: press.runs }, ANSWER_MS).catch(() => null);
  let answer = await priceOf();
  const pays = !answer || Object.keys(answer.nodes).length > 0;
  const key = pays ? await askForKey() : "known";
  if (!key) return false;
  if (key === "new") answer = await priceOf();
  // Without an answer in time the price is unknown.
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

/** The most dollars that one run can cost: no end if its price or its number of images is open. */
const mostOf = ({ is_known, is_bounded, usd, to }) =>
  is_known && is_bounded ? (usd ?? to) : Number.POSITIVE_INFINITY;

const UNASKED = "venice.unasked";
const today = () => new Date().toDateString();

/** The dollars up to which a person wants no question today, in this tab; the limits hold. */
function unaskedToday() {
  const { day, usd } = readForReload(UNASKED, {});
  return day === today() ? usd : 0;
}

/**
 * Asks whether to spend the money.
 * @param {Record<string, any>} nodes what the server tells of each, by execution id
 */
async function confirmPrice(total, nodes) {
  const isExact = typeof total.usd === "number";
  const price = dollars(isExact ? total.usd * press.runs : null);
  const title = isExact ? t("Run for about {price}?", { price }) : t("Run this workflow?");
  const run = isExact ? t("Run for {price}", { price }) : t("Run");
  const all = mostOf(total) * press.runs;
  const most = Number.isFinite(all) ? all : 0;
  const unasked = element("input", { type: "checkbox" });
  const offer = t("Don't ask again today up to {price}", { price: dollars(most || null) });
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

/** A line for each node that pays in one run, their sum, and the balance after all runs. */
function billOf(total, nodes) {
  const paying = Object.entries(nodes).filter(([, { runs, price }]) => runs && !price.is_free);
  const balance = account.now?.balance_usd;
  const isTold = typeof balance === "number" && typeof total.usd === "number";
  return [
    ...paying.map(([id, { price }]) => fact(nodeOf(id)?.title ?? id, said(price.text))),
    paying.length > 1 && fact(t("Total"), said(total.badge)),
    isTold && fact(t("Balance afterward"), dollars(balance - total.usd * press.runs)),
  ].filter(Boolean);
}

/**
 * Tells of a limit that the run would break; it is not started.
 * @param {string} text
 */
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

/**
 * The part of a prompt that these nodes need.
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
