// @ts-check
/** The checks before a run: a key, the limits, and the question about its price. */

import { makePrompt, pressRun, toast, workflowInFront } from "./comfy.js";
import { button, dollars, element, endRow, fact, openDialog } from "./elements.js";
import { isLink } from "./fingerprints.js";
import { allNodes, mayHoldOurs, nodeOf } from "./graph.js";
import { ANSWER_MS, hasOurs } from "./preview.js";
import { keepForReload, readForReload } from "./reload.js";
import { account, post } from "./server.js";
import { askForKey, openSettings } from "./settings.js";
import { said, t } from "./texts.js";

/**
 * One press of Run. named: the dollars that its button named, null for Run itself. agreed: the
 * dollars that a person accepted for each of its runs; agreedText: the text they accepted, if nobody
 * knows the most. allowed: the last accepted prompt.
 * @typedef {{runs: number, named: number | null, agreed: number, agreedText: string,
 *   allowed: string, isRefused: boolean}} Press
 */

/** @type {(runs: number, named: number | null) => Press} */
const newPress = (runs, named) => ({
  runs,
  named,
  agreed: 0,
  agreedText: "",
  allowed: "",
  isRefused: false,
});

/** The press that is queueing. @type {Press | null} */
let open = null;
/** Ends with the presses so far. @type {Promise<unknown>} */
let presses = Promise.resolve();
let questions = 0;
/** @type {number | null} */
let named = null;

/** Press Run for a price that a button named: ask if the run may cost more.
 * @param {number} usd */
export async function runFor(usd) {
  named = usd;
  try {
    await pressRun();
  } finally {
    named = null;
  }
}

/** Take a press of Run: check it, and then let it queue, after those before it.
 * @param {number} runs @param {unknown[] | undefined} targets ids of the nodes to run, else all
 * @param {() => Promise<boolean>} queue */
export async function press(runs, targets, queue) {
  if (questions > 0) return false; // "Run on change" must not ask twice at once.
  const own = newPress(runs, named);
  const workflow = workflowInFront();
  const done = presses.then(() => take(own, workflow, targets, queue));
  presses = done.catch(() => {});
  return done;
}

/** @param {Press} own @param {unknown} workflow the one in front when it was pressed
 * @param {unknown[] | undefined} targets @param {() => Promise<boolean>} queue */
async function take(own, workflow, targets, queue) {
  const isInFront = () => workflow === workflowInFront();
  // Make no prompt in vain: nodes of other packs may act on it.
  const isOther = ![...allNodes()].some(mayHoldOurs);
  const check = async () => mayQueue(await makePrompt(), targets, own);
  if (isInFront() && !isOther && !(await during(check))) return false;
  if (!isInFront()) {
    toast("info", t("Not run"), t("You opened another workflow. Press Run again."));
    return false;
  }
  open = own;
  try {
    return await queue();
  } finally {
    open = null;
  }
}

/** @template T @param {() => Promise<T>} question */
async function during(question) {
  questions += 1;
  try {
    return await question();
  } finally {
    questions -= 1;
  }
}

/**
 * Whether ComfyUI may queue a prompt. This is the one it really sends: seeds may have changed since
 * the press of Run, and other scripts queue their own.
 * @param {Prompt} prompt @param {unknown[] | undefined} targets ids of the nodes to run, else all
 * @param {Press} own its press; a script's prompt has a new one
 */
export async function mayQueue(prompt, targets, own = open ?? newPress(1, null)) {
  const wanted = targets?.length ? upTo(prompt, targets.map(String)) : prompt;
  if (!hasOurs(wanted)) return true;
  const text = JSON.stringify(wanted);
  if (!own.isRefused && text !== own.allowed) own.isRefused = !(await isAgreed(wanted, own));
  own.allowed = text;
  return !own.isRefused;
}

/** @param {Prompt} prompt @param {Press} own */
async function isAgreed(prompt, own) {
  const { runs, named } = own;
  const priceOf = () => post("preview", { prompt, runs, named }, ANSWER_MS).catch(() => null);
  let answer = await priceOf();
  const pays = !answer || Object.keys(answer.nodes).length > 0;
  const key = pays ? await during(askForKey) : "known";
  if (!key) return false;
  if (key === "new") answer = await priceOf();
  const total = answer?.total ?? {
    must_ask: true,
    text: t("The price is unknown: ComfyUI didn't answer in time."),
  };
  const { over } = total;
  if (over) return during(() => tellOver(over.text));
  const usd = mostOf(total);
  if (!total.must_ask || usd <= own.agreed || total.text === own.agreedText) return true;
  if (usd * runs <= unaskedToday()) return true;
  const isAccepted = await during(() => confirmPrice(total, answer?.nodes ?? {}, runs));
  if (!isAccepted) return false;
  if (Number.isFinite(usd)) own.agreed = usd;
  else own.agreedText = total.text;
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
 * @param {TotalPreview} total @param {Record<string, NodePreview>} nodes by execution id
 * @param {number} runs */
async function confirmPrice(total, nodes, runs) {
  const { usd } = total;
  const isExact = typeof usd === "number" && runs === 1; // Of several, all but one may be free.
  const price = dollars(isExact ? usd : null);
  const title = isExact ? t("Run for about {price}?", { price }) : t("Run this workflow?");
  const run = isExact ? t("Run for {price}", { price }) : t("Run");
  const all = mostOf(total) * runs;
  const most = Number.isFinite(all) ? all : 0;
  const unasked = element("input", { type: "checkbox" });
  const offer = t("Don't ask again today for runs up to {price}", { price: dollars(most || null) });
  const answer = await openDialog(title, (close) => [
    element("p", { text: said(total.text) }),
    element("div", { class: "venice-bill" }, ...billOf(total, nodes, runs)),
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
 * @param {TotalPreview} total @param {Record<string, NodePreview>} nodes @param {number} times */
function billOf(total, nodes, times) {
  const paying = Object.entries(nodes).filter(([, { runs, price }]) => runs && !price.is_free);
  const balance = account.now?.balance_usd;
  const { usd } = total;
  const isTold = typeof balance === "number" && typeof usd === "number";
  return [
    ...paying.map(([id, { price }]) => fact(nodeOf(id)?.title ?? id, said(price.text))),
    paying.length > 1 && fact(t("Total"), said(total.badge)),
    isTold && fact(t("Balance afterward"), dollars(balance - usd * times)),
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
