// @ts-check
/** The Venice sidebar: balance, spending, and the pictures that are kept. */

import { app } from "../../scripts/app.js";
import { button, dollars, element, notify, notifyError, openDialog } from "./elements.js";
import {
  addNode,
  allNodes,
  isLinked,
  middleOfView,
  rememberChange,
  setWidget,
  widgetOf,
} from "./graph.js";
import { useSeed } from "./seed.js";
import { account, get, pictureUrl, post } from "./server.js";
import { openSettings } from "./settings.js";

export const TAB = "venice";
const PAGE = 50;
const ROW_PX = 124;
const ROWS_AROUND = 4;

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

/** @type {(n: number, what: string) => string} */
const count = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

/** The kept pictures, newest first. Only the rows in sight are in the page, however many there are. */
class ResultList {
  constructor() {
    this.head = element("h3", { text: "Kept pictures" });
    this.space = element("div", { class: "venice-space" });
    this.root = element(
      "div",
      { class: "venice-results", onscroll: () => this.draw() },
      this.space,
    );
    /** @type {Map<number, any>} */
    this.entries = new Map();
    /** @type {Map<number, HTMLElement>} */
    this.rows = new Map();
    /** @type {Set<number>} */
    this.asked = new Set();
    this.total = 0;
    this.version = 0;
  }

  /** Draws again when the list's place changes its size. */
  watch() {
    const observer = new ResizeObserver(() => this.draw());
    observer.observe(this.root);
    return () => observer.disconnect();
  }

  /** Asks again; the old rows stay until there are new ones. */
  async reload() {
    this.version++;
    this.asked.clear();
    await this.load(0, true);
  }

  clear() {
    this.entries.clear();
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
  }

  /** @param {number} page */
  async load(page, isFirst = false) {
    if (this.asked.has(page)) return;
    this.asked.add(page);
    const version = this.version;
    let answer;
    try {
      answer = await get(`results?offset=${page * PAGE}&limit=${PAGE}`);
    } catch (error) {
      this.asked.delete(page);
      this.head.textContent = error instanceof Error ? error.message : String(error);
      return;
    }
    if (version !== this.version) return;
    if (isFirst) this.clear();
    this.total = answer.total;
    for (const [i, entry] of answer.results.entries()) this.entries.set(page * PAGE + i, entry);
    this.head.textContent =
      this.total === 0 ? "No pictures are kept yet" : `${count(this.total, "kept result")}`;
    this.draw();
  }

  draw() {
    this.space.style.height = `${this.total * ROW_PX}px`;
    const first = Math.max(0, Math.floor(this.root.scrollTop / ROW_PX) - ROWS_AROUND);
    const end = Math.min(
      this.total,
      Math.ceil((this.root.scrollTop + this.root.clientHeight) / ROW_PX) + ROWS_AROUND,
    );
    for (const [i, row] of this.rows) {
      if (i >= first && i < end) continue;
      row.remove();
      this.rows.delete(i);
    }
    for (let i = first; i < end; i++) {
      const entry = this.entries.get(i);
      if (!entry) void this.load(Math.floor(i / PAGE));
      else if (!this.rows.has(i)) this.add(i, entry);
    }
  }

  /**
   * @param {number} i
   * @param {any} entry
   */
  add(i, entry) {
    const row = resultRow(entry, () => this.reload());
    row.style.top = `${i * ROW_PX}px`;
    this.rows.set(i, row);
    this.space.append(row);
  }
}

/**
 * @param {any} entry
 * @param {() => Promise<void>} reload
 */
function resultRow(entry, reload) {
  const path = `results/${encodeURIComponent(entry.id)}`;
  const open = () => openPictures(entry, path);
  const picture = element("img", {
    class: "venice-thumbnail",
    src: pictureUrl(`${path}/thumbnail`),
    alt: "",
    loading: "lazy",
    decoding: "async",
    title: "Open",
    onclick: open,
  });
  const act = (
    /** @type {string} */ text,
    /** @type {() => Promise<void>} */ action,
    /** @type {string} */ title,
  ) => button(text, () => action().catch(notifyError), { title });
  return element(
    "div",
    { class: "venice-result", "data-result": entry.id },
    picture,
    element(
      "div",
      { class: "venice-result-text" },
      element("b", { text: entry.model ?? "unknown model" }),
      ...factLines(entry).map((text) => element("div", { text })),
      element(
        "div",
        { class: "venice-row venice-tight" },
        act("Open", async () => open(), "Show it in full size."),
        act(
          "Save",
          async () => notify("info", "Saved", (await post(`${path}/save`)).name),
          "Save it into the output folder.",
        ),
        act("Load", () => loadImage(path), "Use it as Load Image in this workflow."),
        entry.seed === null
          ? null
          : act("Seed", async () => setSeed(entry.seed), "Set its seed in this workflow."),
        act("Remove", () => remove(path, reload), "Remove it; to get it again is paid for again."),
      ),
    ),
  );
}

/** @param {any} entry */
function factLines(entry) {
  const size = entry.width ? `${entry.width}×${entry.height}` : null;
  const pictures = entry.images > 1 ? count(entry.images, "picture") : null;
  const seed = entry.seed === null || entry.seed === undefined ? null : `seed ${entry.seed}`;
  const shown = entry.was_shown ? null : "never shown";
  const time = new Date(entry.time * 1000).toLocaleString();
  const cost = entry.service === "sandbox" ? "sandbox" : dollars(entry.usd);
  return [
    [size, pictures, seed].filter(Boolean).join(" · "),
    [cost, shown, time].filter(Boolean).join(" · "),
  ];
}

/**
 * @param {any} entry
 * @param {string} path
 */
function openPictures(entry, path) {
  const pictures = Array.from({ length: Math.max(1, entry.images) }, (_, i) =>
    element("img", { src: pictureUrl(`${path}/image/${i}`), alt: "", class: "venice-full" }),
  );
  return openDialog(
    String(entry.model ?? "Venice"),
    (done) => [
      element("p", { text: factLines(entry).join(" · ") }),
      element("div", { class: "venice-pictures" }, ...pictures),
      element(
        "div",
        { class: "venice-row venice-end" },
        button("Close", () => done(null)),
      ),
    ],
    "venice-wide",
  );
}

/** @param {string} path */
async function loadImage(path) {
  const { name } = await post(`${path}/input`);
  const node = addNode("LoadImage", middleOfView());
  const values = widgetOf(node, "image")?.options?.values;
  if (Array.isArray(values) && !values.includes(name)) values.push(name);
  setWidget(node, "image", name);
  rememberChange();
}

/**
 * Sets a seed where the graph takes one: in the selected nodes, else in each Venice Seed, else in
 * each node of ours with a seed of its own.
 * @param {number} seed
 */
async function setSeed(seed) {
  const own = (/** @type {any} */ node) =>
    String(node.comfyClass).startsWith("Venice") && widgetOf(node, "seed");
  const nodes = [...allNodes()].filter(own);
  const selected = Object.values(/** @type {any} */ (app.canvas).selected_nodes ?? {}).filter(own);
  const seeds = nodes.filter((node) => node.comfyClass === "VeniceSeed");
  const free = nodes.filter((node) => !isLinked(node, "seed"));
  const chosen = [selected, seeds, free].find((some) => some.length > 0);
  if (!chosen)
    return notify("info", "No seed to set", "This workflow has no Venice node with a seed.");
  for (const node of chosen) useSeed(node, seed);
  notify(
    "info",
    `Seed ${seed}`,
    `Set in ${chosen.map((/** @type {any} */ node) => node.title).join(", ")}.`,
  );
}

/**
 * @param {string} path
 * @param {() => Promise<void>} reload
 */
async function remove(path, reload) {
  const question = openDialog("Remove this result?", (done) => [
    element("p", { text: "To get it again would be paid for again." }),
    element(
      "div",
      { class: "venice-row venice-end" },
      button("Keep", () => done(false)),
      button("Remove", () => done(true), { class: "venice-button venice-danger" }),
    ),
  ]);
  if ((await question) !== true) return;
  await post(`${path}/remove`);
  await reload();
}
