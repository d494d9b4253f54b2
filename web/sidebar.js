// @ts-check
/** The Venice sidebar: balance, spending, and the list of kept pictures. */

import { app } from "../../scripts/app.js";
import { button, count, dollars, element } from "./elements.js";
import { ResultList } from "./results.js";
import { account } from "./server.js";
import { openSettings } from "./settings.js";

export const TAB = "venice";

/** The tab as ComfyUI wants it. */
export const tab = {
  id: TAB,
  icon: "pi pi-images",
  title: "Venice",
  tooltip: "Venice: balance, spending, kept pictures",
  type: "custom",
  /** @param {HTMLElement} place */
  render(place) {
    close();
    place.style.height = "100%"; // Else the list of pictures has none to fill.
    place.replaceChildren(sidebar());
  },
  destroy: () => close(),
};

export function openSidebar() {
  const tabs = /** @type {any} */ (app).extensionManager.sidebarTab;
  if (tabs?.activeSidebarTabId !== TAB) tabs?.toggleSidebarTab?.(TAB);
}

/** Ends what the open sidebar listens to. */
let close = () => {};

/** Has the open sidebar show what a run added. */
export let refreshSidebar = () => {};

function sidebar() {
  const money = element("div", { class: "venice-money" });
  const results = new ResultList();
  const refresh = async () => {
    await Promise.all([account.tryRefresh(true), results.reload()]);
  };
  const root = element(
    "div",
    { class: "venice-sidebar" },
    element(
      "div",
      { class: "venice-row" },
      element("h2", { text: "Venice" }),
      button("Settings", openSettings, { class: "venice-button venice-right" }),
      button("Refresh", refresh),
    ),
    money,
    results.head,
    results.root,
  );
  const stop = account.listen((now) => money.replaceChildren(...moneyLines(now)));
  const end = results.watch();
  close = () => {
    stop();
    end();
    close = () => {};
    refreshSidebar = () => {};
  };
  refreshSidebar = () => void results.reload();
  void refresh();
  return root;
}

/** @param {any} now */
function moneyLines(now) {
  const lines = [];
  const line = (/** @type {string} */ name, /** @type {string} */ value) =>
    lines.push(
      element(
        "div",
        { class: "venice-fact" },
        element("span", { text: name }),
        element("b", { text: value }),
      ),
    );
  if (!now.key.is_set)
    lines.push(button("Enter a key", openSettings, { class: "venice-button venice-primary" }));
  if (now.key.is_sandbox) line("Service", "sandbox, free");
  else if (now.key.is_set)
    line("Balance", now.balance_usd === null ? "unknown" : dollars(now.balance_usd));
  if (typeof now.balance_diem === "number") line("Diem", now.balance_diem.toFixed(2));
  if (now.rate_limit)
    line("Requests left this minute", `${now.rate_limit.remaining} of ${now.rate_limit.limit}`);
  if (now.spent) {
    line("Spent since ComfyUI started", dollars(now.spent.session));
    line("Spent today", dollars(now.spent.today));
    line("Spent in 30 days", dollars(now.spent.days_30));
  }
  const models = (now.spent?.by_model ?? []).map((/** @type {any} */ one) =>
    element(
      "div",
      { class: "venice-fact" },
      element("span", { text: `${one.model} · ${count(one.images, "picture")}` }),
      element("b", { text: dollars(one.usd) }),
    ),
  );
  if (models.length > 0)
    lines.push(element("details", {}, element("summary", { text: "By model" }), ...models));
  for (const text of [now.error, ...(now.warnings ?? [])].filter(Boolean)) {
    lines.push(element("div", { class: "venice-warning", text }));
  }
  return lines;
}
