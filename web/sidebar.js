// @ts-check
/** The Venice sidebar: balance, spending, and the list of saved images. */

import { openTab } from "./comfy.js";
import { button, dollars, element, fact } from "./elements.js";
import { ResultList } from "./results.js";
import { account } from "./server.js";
import { openSettings } from "./settings.js";
import { said, t } from "./texts.js";

export const TAB = "venice";

/** The tab as ComfyUI wants it. */
export const tab = {
  id: TAB,
  icon: "pi pi-images",
  title: "Venice",
  get tooltip() {
    return t("Venice: balance, spending, saved images");
  },
  type: "custom",
  /** @param {HTMLElement} place */
  render(place) {
    close();
    place.style.height = "100%"; // Else the list of results has none to fill.
    place.replaceChildren(sidebar());
  },
  destroy: () => close(),
};

export const openSidebar = () => openTab(TAB);

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
      button(t("Settings"), openSettings, { class: "venice-button venice-right" }),
      button(t("Refresh"), refresh),
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

function moneyLines(now) {
  const { key, spent, rate_limit } = now;
  const models = (spent?.by_model ?? []).map(({ model, usd, images }) =>
    fact(`${model} · ${t("images: {count}", { count: images })}`, dollars(usd)),
  );
  const troubles = [now.error, ...(now.warnings ?? [])].filter(Boolean);
  return [
    !key.is_set &&
      button(t("Add API key"), openSettings, { class: "venice-button venice-primary" }),
    key.is_sandbox && fact(t("Service"), t("Sandbox (free)")),
    key.is_set && !key.is_sandbox && fact(t("Balance"), dollars(now.balance_usd)),
    typeof now.balance_diem === "number" && fact("Diem", now.balance_diem.toFixed(2)),
    rate_limit && element("div", { text: rateLimit(rate_limit) }),
    spent && [
      element("h3", { text: t("Spending") }),
      fact(t("This session"), dollars(spent.session)),
      fact(t("Today"), dollars(spent.today)),
      fact(t("Last 30 days"), dollars(spent.days_30)),
    ],
    models.length > 0 &&
      element("details", {}, element("summary", { text: t("By model") }), ...models),
    ...troubles.map((text) => element("div", { class: "venice-warning", text: said(text) })),
  ]
    .flat()
    .filter(Boolean);
}

const rateLimit = ({ remaining: left, limit }) =>
  t("Rate limit: {left} of {limit} left this minute", { left, limit });
