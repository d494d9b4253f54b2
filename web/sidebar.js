// @ts-check
/** The Venice sidebar: balance, spending, and the gallery of saved images. */

import { openTab } from "./comfy.js";
import { button, dollars, element, fact, fill, iconButton } from "./elements.js";
import { Gallery } from "./gallery.js";
import { account } from "./server.js";
import { openSettings } from "./settings.js";
import { said, t } from "./texts.js";

/** The bar is amber from this part of the daily limit, and red above the second. */
const NEAR = 0.8;
const FULL = 0.999;

const TAB = "venice";

export const tab = {
  id: TAB,
  icon: "pi pi-palette",
  title: "Venice",
  get tooltip() {
    return t("Venice: balance, spending, saved images");
  },
  type: "custom",
  /** @param {HTMLElement} place */
  render(place) {
    close();
    place.style.height = "100%"; // Else the results have no height to fill.
    place.replaceChildren(sidebar());
  },
  destroy: () => close(),
};

export const openSidebar = () => openTab(TAB);

let close = () => {};

export let refreshSidebar = () => {};

function sidebar() {
  const money = element("div", { class: "venice-money" });
  const gallery = new Gallery();
  const refresh = async () => {
    await Promise.all([account.tryRefresh(true), gallery.reload()]);
  };
  const root = element(
    "div",
    { class: "venice-sidebar" },
    element(
      "div",
      { class: "venice-row" },
      element("h2", { text: "Venice" }),
      iconButton("cog", t("Settings"), openSettings),
      iconButton("refresh", t("Refresh"), refresh),
    ),
    money,
    gallery.head,
    gallery.filters,
    gallery.bar,
    gallery.rows.root,
  );
  const stop = account.listen((now) => {
    const wasOpen = money.querySelector("details")?.open ?? false;
    fill(money, ...moneyLines(now, wasOpen));
  });
  const end = gallery.rows.watch();
  close = () => {
    stop();
    end();
    close = () => {};
    refreshSidebar = () => {};
  };
  refreshSidebar = () => void gallery.reload();
  void refresh();
  return root;
}

/** @param {Account} now @param {boolean} isOpen whether the spending is unfolded */
function moneyLines(now, isOpen) {
  const { key, spent, rate_limit } = now;
  const troubles = [now.error, ...(now.warnings ?? [])].filter(Boolean);
  return [
    !key.is_set &&
      button(t("Add API key"), openSettings, { class: "venice-button venice-primary" }),
    key.is_sandbox && fact(t("Service"), t("Sandbox (free)")),
    key.is_set && !key.is_sandbox && fact(t("Balance"), dollars(now.balance_usd)),
    typeof now.balance_diem === "number" && fact("Diem", now.balance_diem.toFixed(2)),
    spent && dayBar(spent.today, now.limits?.max_usd_per_day),
    rate_limit && element("div", { text: rateLimit(rate_limit) }),
    spent && spending(spent, isOpen),
    ...troubles.map((text) => element("div", { class: "venice-warning", text: said(text) })),
  ];
}

/** The spent part of the daily limit. @param {number} spent @param {unknown} limit */
function dayBar(spent, limit) {
  if (typeof limit !== "number") return null;
  const value = limit > 0 ? spent / limit : 1;
  const text = t("{spent} of {limit} today", { spent: dollars(spent), limit: dollars(limit) });
  const colors = { low: NEAR, high: FULL, optimum: 0 };
  const label = { "aria-label": t("Daily limit"), "aria-valuetext": text };
  return element(
    "div",
    { class: "venice-day" },
    text,
    element("meter", { value, ...colors, ...label }),
  );
}

/** @param {Spent} spent @param {boolean} isOpen */
function spending(spent, isOpen) {
  const models = spent.by_model.map(({ model, usd, requests }) =>
    fact(`${model} · ${t("requests: {count}", { count: requests })}`, dollars(usd)),
  );
  return element(
    "details",
    { open: isOpen },
    element("summary", { text: t("Spending") }),
    fact(t("This session"), dollars(spent.session)),
    fact(t("Today"), dollars(spent.today)),
    fact(t("Last 30 days"), dollars(spent.days_30)),
    models.length > 0 && element("div", { class: "venice-caption", text: t("By model") }),
    ...models,
  );
}

/** @param {{remaining: number, limit: number}} _ */
const rateLimit = ({ remaining: left, limit }) =>
  t("Rate limit: {left} of {limit} left this minute", { left, limit });
