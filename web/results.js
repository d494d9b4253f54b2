// @ts-check
/** The kept pictures in the sidebar, and what can be done with each. */

import { app } from "../../scripts/app.js";
import { button, count, dollars, element, notify, notifyError, openDialog } from "./elements.js";
import {
  addNode,
  allNodes,
  isLinked,
  isOurs,
  middleOfView,
  rememberChange,
  setWidget,
  widgetOf,
} from "./graph.js";
import { useSeed } from "./seed.js";
import { get, pictureUrl, post } from "./server.js";

const PAGE = 50;
const ROW_PX = 124;
const ROWS_AROUND = 4;

/** The kept pictures, newest first. Only the rows in sight are in the page, however many there are. */
export class ResultList {
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
    title: "Show it large.",
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
    ),
    element(
      "div",
      { class: "venice-row venice-tight" },
      act("Open", async () => open(), "Show it large."),
      act(
        "Save",
        async () => notify("info", "Saved", (await post(`${path}/save`)).name),
        "Save it into the output folder.",
      ),
      act("Use as input", () => loadImage(path), "Add it to this workflow as a Load Image."),
      entry.seed === null
        ? null
        : act("Seed", async () => setSeed(entry.seed), "Set its seed in this workflow."),
      act("Remove", () => remove(entry, path, reload), `Remove it. ${afterRemoval(entry)}`),
    ),
  );
}

const SANDBOX = "sandbox";

/** @param {any} entry */
const afterRemoval = (entry) =>
  entry.service === SANDBOX
    ? "The sandbox draws it again, free."
    : "The same picture again would be paid for again.";

/** @param {any} entry */
function factLines(entry) {
  const size = entry.width ? `${entry.width}×${entry.height}` : null;
  const pictures = entry.images > 1 ? count(entry.images, "picture") : null;
  const seed = entry.seed === null || entry.seed === undefined ? null : `seed ${entry.seed}`;
  const shown = entry.was_shown ? null : "never shown";
  const time = new Date(entry.time * 1000);
  const cost = entry.service === SANDBOX ? "sandbox" : dollars(entry.usd);
  return [
    [size, pictures, seed].filter(Boolean).join(" · "),
    [cost, shown].filter(Boolean).join(" · "),
    time.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }),
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
  const own = (/** @type {any} */ node) => isOurs(node) && widgetOf(node, "seed");
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
 * @param {any} entry
 * @param {string} path
 * @param {() => Promise<void>} reload
 */
async function remove(entry, path, reload) {
  const question = openDialog("Remove this result?", (done) => [
    element("p", { text: afterRemoval(entry) }),
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
