// @ts-check
/** Settings → Venice, and the key dialog. The key goes in, never out. */

import { openSettingsAt } from "./comfy.js";
import { button, dollars, element, link, messageOf, openDialog } from "./elements.js";
import { account, post } from "./server.js";
import { said, t } from "./texts.js";

const SANDBOX = "sandbox";
/** How long a run waits for the server to say whether a key is set. */
const RUN_MS = 3_000;
/** The server tests a key with a free call to Venice. */
const KEY_MS = 40_000;

/** A line that says whether something worked. */
function outcomeLine() {
  const outcome = element("div", { class: "venice-outcome", role: "status" });
  const say = (/** @type {string} */ text, works = false) => {
    outcome.textContent = text;
    outcome.className = `venice-outcome ${works ? "venice-works" : "venice-wrong"}`;
  };
  return { outcome, say };
}

/** A password field, emptied as soon as it's read, and its buttons.
 * @param {string} saveText @param {() => void} onWorks */
function keyForm(saveText, onWorks) {
  const field = element("input", {
    type: "password",
    class: "venice-field",
    placeholder: t("Paste your key"),
    autocomplete: "new-password",
    spellcheck: false,
    "aria-label": t("Venice API key"),
    "data-1p-ignore": "true",
  });
  const { outcome, say } = outcomeLine();
  const send = async (/** @type {string} */ key) => {
    field.value = "";
    outcome.className = "venice-outcome";
    outcome.textContent = t("Testing …");
    try {
      const { works, error, balance_usd } = await post("key", { key }, KEY_MS);
      if (!works) return say(said(error));
      say(
        key === SANDBOX ? t("Using the free sandbox with test images.") : connected(balance_usd),
        true,
      );
    } catch (error) {
      return say(messageOf(error));
    }
    await account.tryRefresh();
    onWorks();
  };
  const save = button(saveText, () => {
    const key = field.value.trim();
    return key ? send(key) : say(t("Enter your API key."));
  });
  field.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    event.stopPropagation();
    if (event.key === "Enter") save.click();
  });
  return { field, save, outcome, send };
}

/** @param {number | null} usd */
const connected = (usd) =>
  usd === null ? t("Connected") : t("Connected · balance {usd}", { usd: dollars(usd) });

function keyRow() {
  const form = keyForm(t("Save and test"), () => {});
  const state = element("div", { class: "venice-hint" });
  const remove = button("", async () => {
    await post("key/forget");
    form.outcome.textContent = "";
    await account.tryRefresh();
  });
  const place = element("span");
  const sandbox = button(t("Use the free sandbox"), () => form.send(SANDBOX));
  const row = element(
    "div",
    { class: "venice-settings" },
    element("div", { class: "venice-row" }, form.field, form.save),
    form.outcome,
    state,
    element("div", { class: "venice-row" }, sandbox, remove, place),
  );
  follow(row, ({ key, key_url, balance_usd }) => {
    place.replaceChildren(link(t("Get a key"), key_url));
    sandbox.hidden = key.is_sandbox;
    const isFixed = key.source === "environment";
    for (const part of [form.field, form.save, sandbox]) part.disabled = isFixed;
    remove.disabled = isFixed || !key.is_set;
    remove.textContent = key.is_sandbox ? t("Leave sandbox") : t("Remove key");
    const lines = [
      key.is_sandbox && t("Using the free sandbox with test images."),
      key.is_set && !key.is_sandbox && connected(balance_usd),
      isFixed && t("Set by {setting} on the server.", { setting: "VENICE_API_KEY" }),
    ];
    state.textContent = lines.filter(Boolean).join(" ") || t("No key yet.");
  });
  return row;
}

/** Call `show` with the account, now and after each change, until `row` leaves the page.
 * @param {HTMLElement} row @param {(now: Account) => void} show */
function follow(row, show) {
  let wasShown = false;
  const stop = account.listen((now) => {
    if (wasShown && !row.isConnected) return stop();
    wasShown ||= row.isConnected;
    show(now);
  });
  void account.tryRefresh();
}

/** A row with a number; empty means no limit.
 * @param {string} name @param {string} label @param {{mayBeEmpty?: boolean, step?: string}} options */
function limitRow(name, label, { mayBeEmpty = false, step = "0.01" } = {}) {
  const field = element("input", {
    type: "number",
    class: "venice-field venice-number",
    min: "0",
    step,
    placeholder: mayBeEmpty ? t("no limit") : "",
    "aria-label": label,
  });
  const show = (/** @type {unknown} */ saved) => {
    field.value = String(saved ?? "");
  };
  const read = () => {
    // The value of "1e" is "", as of an empty field.
    if (field.validity.badInput) throw new Error(t("Enter a number."));
    return field.value === "" ? null : Number(field.value);
  };
  return savedRow(name, field, show, () => (mayBeEmpty ? read() : (read() ?? undefined)));
}

/** @type {(name: string, label: string) => HTMLElement} */
function switchRow(name, label) {
  const box = element("input", { type: "checkbox", name, class: "venice-switch" });
  box.ariaLabel = label;
  const show = (/** @type {unknown} */ saved) => {
    box.checked = Boolean(saved);
  };
  return savedRow(name, box, show, () => box.checked);
}

/** A row whose field shows and saves a limit; `read` returns undefined for no value, and throws for a
 * wrong one.
 * @param {string} name @param {HTMLInputElement} field @param {(saved: unknown) => void} show
 * @param {() => unknown} read */
function savedRow(name, field, show, read) {
  const { outcome, say } = outcomeLine();
  const row = element("div", { class: "venice-settings" }, field, outcome);
  field.addEventListener("change", async () => {
    try {
      const value = read();
      if (value !== undefined) {
        await post("limits", { [name]: value });
        say(t("Saved"), true);
      }
    } catch (error) {
      say(messageOf(error));
    }
    await account.tryRefresh();
    if (account.now) show(account.now.limits?.[name]);
  });
  follow(row, ({ limits, locked }) => {
    if (document.activeElement !== field) show(limits?.[name]);
    field.disabled = locked.includes(name);
    const setting = `VENICE_${name.toUpperCase()}`;
    if (field.disabled) outcome.textContent = t("Set by {setting} on the server.", { setting });
  });
  return row;
}

/** @type {(id: string, group: string, name: string, order: number, type: (label: string) => HTMLElement,
 *   tooltip: string) => object} */
const setting = (id, group, name, order, type, tooltip) => ({
  id: `Venice.${id}`,
  category: ["Venice", group, id],
  name,
  tooltip,
  type,
  defaultValue: null,
  sortOrder: order,
});

/** ComfyUI stores none of these: the rows use the pack's routes. */
export const settings = [
  setting(
    "Key",
    "Account",
    "API key",
    60,
    keyRow,
    "Stored on the ComfyUI server. The browser can't read it back.",
  ),
  setting(
    "RunLimit",
    "Limits",
    "Limit per run ($)",
    50,
    (label) => limitRow("max_usd_per_run", label, { mayBeEmpty: true }),
    "Nodes that would exceed this don't send anything. Leave empty for no limit.",
  ),
  setting(
    "DayLimit",
    "Limits",
    "Daily limit ($)",
    40,
    (label) => limitRow("max_usd_per_day", label, { mayBeEmpty: true }),
    "The most you can spend per day. Leave empty for no limit.",
  ),
  setting(
    "AskAbove",
    "Limits",
    "Confirm runs over ($)",
    30,
    (label) => limitRow("ask_above_usd", label),
    "Ask me before a run that costs more.",
  ),
  setting(
    "StoreSize",
    "Results",
    "Storage for results (MB)",
    20,
    (label) => limitRow("store_mb", label, { step: "1" }),
    "Saved results are free to reuse. 0 turns saving off.",
  ),
  setting(
    "SavePrompts",
    "Results",
    "Save prompts",
    15,
    (label) => switchRow("save_prompts", label),
    "Search your images by prompt and restore their workflows. Turning it off deletes all saved prompts.",
  ),
  setting(
    "ShowAllInputs",
    "Nodes",
    "Show all inputs",
    10,
    (label) => switchRow("show_all_inputs", label),
    "Also show options the model ignores, and rarely used ones.",
  ),
];

export const openSettings = () => openSettingsAt("Venice");

/** Ask for a key if none is set. "" if there's still none.
 * @returns {Promise<"" | "known" | "new">} */
export async function askForKey() {
  const now = await account.tryRefresh(false, RUN_MS);
  if (!now || now.key.is_set) return "known"; // Without an answer the run itself says what's wrong.
  const opened = await openDialog(t("Add your Venice API key"), (close) => {
    const form = keyForm(t("Save and run"), () => close(true));
    form.save.classList.add("venice-primary");
    form.field.autofocus = true;
    const why = t(
      "Venice charges your account for each image. Your key stays on the ComfyUI server and is never saved in workflows.",
    );
    return [
      element("p", { text: `${why}\n${t("No key yet? Try the free sandbox.")}` }),
      element("div", { class: "venice-row" }, form.field, form.save),
      form.outcome,
      element(
        "div",
        { class: "venice-row" },
        button(t("Try the sandbox (free)"), () => form.send(SANDBOX)),
        link(t("Get a key"), now.key_url),
        button(t("Cancel"), () => close(false), { class: "venice-button venice-right" }),
      ),
    ];
  });
  return opened === true ? "new" : "";
}
