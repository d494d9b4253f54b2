// @ts-check
/** Settings → Venice, and the dialog that a run without a key opens. The key goes in, never out. */

import { app } from "../../scripts/app.js";
import { button, dollars, element, link, notifyError, openDialog } from "./elements.js";
import { account, post } from "./server.js";

const SANDBOX = "sandbox";
const PASTE = "Paste your key";
const GET_A_KEY = "Get a key";
const WAIT_MS = 3_000;
/** How long a run waits to be told whether there is a key. */
const RUN_MS = 3_000;
/** A key is tried at Venice with a free call. */
const KEY_MS = 40_000;

/**
 * A password field and what is done with it. The field is emptied as soon as it was read.
 * @param {string} saveText
 * @param {() => void} onWorks called when a key works
 */
function keyForm(saveText, onWorks) {
  const field = element("input", {
    type: "password",
    class: "venice-field",
    placeholder: PASTE,
    autocomplete: "new-password",
    spellcheck: false,
    "aria-label": "Venice API key",
    "data-1p-ignore": "true",
  });
  const outcome = element("div", { class: "venice-outcome", role: "status" });
  const say = (/** @type {string} */ text, works = false) => {
    outcome.textContent = text;
    outcome.className = `venice-outcome ${works ? "venice-works" : "venice-wrong"}`;
  };
  const send = async (/** @type {string} */ key) => {
    field.value = "";
    outcome.className = "venice-outcome";
    outcome.textContent = "Testing …";
    try {
      const answer = await post("key", { key }, KEY_MS);
      if (!answer.works) return say(answer.error);
      const balance =
        answer.balance_usd === null ? "" : ` · balance ${dollars(answer.balance_usd)}`;
      say(`Works${key === SANDBOX ? " · sandbox, free" : balance}`, true);
    } catch (error) {
      return say(error instanceof Error ? error.message : String(error));
    }
    await account.tryRefresh();
    onWorks();
  };
  const save = button(saveText, () => {
    const key = field.value.trim();
    return key ? send(key) : say("Enter your API key.");
  });
  field.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    event.stopPropagation();
    if (event.key === "Enter") save.click();
  });
  return { field, save, outcome, send };
}

/** The row of the settings about the key. */
function keyRow() {
  const form = keyForm("Save and test", () => {});
  const state = element("div", { class: "venice-hint" });
  const forget = button("Forget the key", async () => {
    await post("key/forget").catch(notifyError);
    form.outcome.textContent = "";
    await account.tryRefresh();
  });
  const place = element("span");
  const sandbox = button("Use the free sandbox", () => form.send(SANDBOX));
  const row = element(
    "div",
    { class: "venice-settings" },
    element("div", { class: "venice-row" }, form.field, form.save),
    form.outcome,
    state,
    element("div", { class: "venice-row" }, sandbox, forget, place),
  );
  follow(row, (now) => {
    place.replaceChildren(link(GET_A_KEY, now.key_url));
    sandbox.hidden = now.key.is_sandbox;
    const isFixed = now.key.source === "environment";
    for (const part of [form.field, form.save, sandbox]) part.disabled = isFixed;
    form.field.placeholder = isFixed ? "Set by the environment" : PASTE;
    forget.disabled = isFixed || !now.key.is_set;
    state.textContent = stateOfKey(now);
  });
  return row;
}

/** @param {any} now */
function stateOfKey(now) {
  const sandbox = "The free sandbox is in use: pictures are drawn here, and cost nothing.";
  if (now.key.source === "environment") {
    const fixed =
      "The environment variable VENICE_API_KEY holds the key: it cannot be changed here.";
    return now.key.is_sandbox ? `${sandbox} ${fixed}` : fixed;
  }
  if (!now.key.is_set) return "No key is saved.";
  if (now.key.is_sandbox) return sandbox;
  const balance = now.balance_usd === null ? "" : `, balance ${dollars(now.balance_usd)}`;
  return `A key is saved${balance}.`;
}

/**
 * Calls `show` with the account, now and at each change, as long as `row` is in the page.
 * @param {HTMLElement} row
 * @param {(now: any) => void} show
 */
function follow(row, show) {
  let wasShown = false;
  const stop = account.listen((now) => {
    if (wasShown && !row.isConnected) return stop();
    wasShown ||= row.isConnected;
    show(now);
  });
  void account.tryRefresh();
}

/**
 * A row with a number; `none` where empty means no limit.
 * @param {string} name
 * @param {{mayBeEmpty?: boolean, step?: string}} options
 */
function limitRow(name, { mayBeEmpty = false, step = "0.01" } = {}) {
  const field = element("input", {
    type: "number",
    class: "venice-field venice-number",
    min: "0",
    step,
    placeholder: mayBeEmpty ? "no limit" : "",
  });
  const outcome = element("div", { class: "venice-outcome", role: "status" });
  const row = element("div", { class: "venice-settings" }, field, outcome);
  const show = (/** @type {any} */ now) => {
    if (document.activeElement !== field) field.value = now.limits?.[name] ?? "";
    lock(field, outcome, now, name);
  };
  field.addEventListener("change", async () => {
    const value = field.value === "" ? null : Number(field.value);
    if (value === null && !mayBeEmpty) return follow(row, show);
    await saveLimit(name, value, outcome);
    if (account.now) field.value = account.now.limits?.[name] ?? "";
  });
  follow(row, show);
  return row;
}

/** @param {string} name */
function switchRow(name) {
  const box = element("input", { type: "checkbox", class: "venice-switch" });
  const outcome = element("div", { class: "venice-outcome", role: "status" });
  const row = element("div", { class: "venice-settings" }, box, outcome);
  box.addEventListener("change", () => saveLimit(name, box.checked, outcome));
  follow(row, (now) => {
    box.checked = Boolean(now.limits?.[name]);
    lock(box, outcome, now, name);
  });
  return row;
}

/**
 * @param {any} field
 * @param {any} outcome
 * @param {any} now
 * @param {string} name
 */
function lock(field, outcome, now, name) {
  field.disabled = (now.locked ?? []).includes(name);
  if (field.disabled) outcome.textContent = "Set by an environment variable.";
}

/**
 * @param {string} name
 * @param {any} value
 * @param {any} outcome
 */
async function saveLimit(name, value, outcome) {
  try {
    await post("limits", { [name]: value });
    outcome.className = "venice-outcome venice-works";
    outcome.textContent = "Saved";
  } catch (error) {
    outcome.className = "venice-outcome venice-wrong";
    outcome.textContent = error instanceof Error ? error.message : String(error);
  }
  await account.tryRefresh();
}

/** @type {(id: string, group: string, name: string, order: number, type: () => any, tooltip: string) => any} */
const setting = (id, group, name, order, type, tooltip) => ({
  id: `Venice.${id}`,
  category: ["Venice", group, id],
  name,
  tooltip,
  type,
  defaultValue: null,
  sortOrder: order,
});

/** The settings of the extension. None is kept by ComfyUI: the rows speak to the pack's routes. */
export const settings = [
  setting(
    "Key",
    "Account",
    "API key",
    60,
    keyRow,
    "Goes to this ComfyUI, which keeps it in a file of its own; no page can read it again.",
  ),
  setting(
    "RunLimit",
    "Limits",
    "Limit of a run (USD)",
    50,
    () => limitRow("max_usd_per_run", { mayBeEmpty: true }),
    "A run that would cost more is refused before anything is sent. Empty: no limit.",
  ),
  setting(
    "DayLimit",
    "Limits",
    "Limit of a day (USD)",
    40,
    () => limitRow("max_usd_per_day", { mayBeEmpty: true }),
    "What all runs of a day may cost. Empty: no limit.",
  ),
  setting(
    "AskAbove",
    "Limits",
    "Ask before a run above (USD)",
    30,
    () => limitRow("ask_above_usd"),
    "Above this sum the page asks before it starts a run.",
  ),
  setting(
    "StoreSize",
    "Results",
    "Keep results up to (MB)",
    20,
    () => limitRow("store_mb", { step: "1" }),
    "What was paid for is kept, and comes again free. 0 keeps nothing.",
  ),
  setting(
    "ShowAllInputs",
    "Nodes",
    "Show all inputs",
    10,
    () => switchRow("show_all_inputs"),
    "Also those that the chosen model does not take, and those that are seldom needed.",
  ),
];

/** Opens ComfyUI's settings at Venice. */
export async function openSettings() {
  await /** @type {any} */ (app).extensionManager.command.execute("Comfy.ShowSettingsDialog");
  const deadline = performance.now() + WAIT_MS;
  const entries = ["[role=option]", "[role=button]", "button"].map(
    (entry) => `[role=dialog] ${entry}`,
  );
  const find = () =>
    [...document.querySelectorAll(entries.join())].find(
      (entry) => entry.textContent?.trim() === "Venice",
    );
  while (!find() && performance.now() < deadline) await new Promise((done) => setTimeout(done, 50));
  /** @type {HTMLElement | undefined} */ (find())?.click();
}

/**
 * Asks for a key if none is set: "known" or "new" if there is one now, else "".
 * @returns {Promise<"" | "known" | "new">}
 */
export async function askForKey() {
  const now = await account.tryRefresh(false, RUN_MS);
  if (!now || now.key.is_set) return "known"; // Without an answer the run itself says what's wrong.
  const opened = await openDialog("Add your Venice API key", (close) => {
    const form = keyForm("Save and run", () => close(true));
    form.save.classList.add("venice-primary");
    form.field.autofocus = true;
    return [
      element("p", {
        text: "Venice charges your account for each image. Your key stays on this computer and is never saved in workflows.\nNo key yet? Try the free sandbox.",
      }),
      element("div", { class: "venice-row" }, form.field, form.save),
      form.outcome,
      element(
        "div",
        { class: "venice-row" },
        button("Try the sandbox (free)", () => form.send(SANDBOX)),
        link(GET_A_KEY, now.key_url),
        button("Cancel", () => close(false), { class: "venice-button venice-right" }),
      ),
    ];
  });
  return opened === true ? "new" : "";
}
