// @ts-check
/** The saved images in the sidebar, and what can be done with each. */

import { confirmDelete, rememberChange, selectedNodes, toast } from "./comfy.js";
import { button, dollars, element, endRow, messageOf, openDialog } from "./elements.js";
import { addNode, allNodes, isLinked, isOurs, middleOfView, setWidget, widgetOf } from "./graph.js";
import { useSeed } from "./seed.js";
import { get, imageUrl, post } from "./server.js";
import { t } from "./texts.js";

const PAGE = 50;
const ROW_PX = 124;
const ROWS_AROUND = 4;

/** The saved images, newest first. Only the rows in sight are in the page, however many there are. */
export class ResultList {
  constructor() {
    this.head = element("h3");
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
      this.head.textContent = messageOf(error);
      return;
    }
    if (version !== this.version) return;
    if (isFirst) this.clear();
    this.total = answer.total;
    for (const [i, entry] of answer.results.entries()) this.entries.set(page * PAGE + i, entry);
    this.head.textContent =
      this.total === 0
        ? t("Your results will appear here")
        : t("Results ({count})", { count: this.total });
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

  /** @param {number} i */
  add(i, entry) {
    const row = resultRow(entry, () => this.reload());
    row.style.top = `${i * ROW_PX}px`;
    this.rows.set(i, row);
    this.space.append(row);
  }
}

/** @param {() => Promise<void>} reload */
function resultRow(entry, reload) {
  const path = `results/${encodeURIComponent(entry.id)}`;
  const open = () => void openImages(entry, path);
  const image = element("img", {
    class: "venice-thumbnail",
    src: imageUrl(`${path}/thumbnail`),
    alt: "",
    loading: "lazy",
    decoding: "async",
    title: t("View"),
    onclick: open,
  });
  const save = async () => toast("success", t("Saved"), (await post(`${path}/save`)).name);
  const act = (text, action, title) => button(text, action, { title });
  return element(
    "div",
    { class: "venice-result", "data-result": entry.id },
    image,
    element(
      "div",
      { class: "venice-result-text" },
      element("b", { text: entry.model ?? t("unknown model") }),
      ...factLines(entry).map((text) => element("div", { text })),
    ),
    element(
      "div",
      { class: "venice-row venice-tight" },
      act(t("View"), open, t("Show it large")),
      act(t("Save"), save, t("Save to the output folder")),
      act(t("Use as input"), () => loadImage(path), t("Add to the workflow as Load Image")),
      entry.seed !== null &&
        act(t("Seed"), () => setSeed(entry.seed), t("Use this seed in the workflow")),
      act(t("Delete"), () => remove(entry, path, reload), afterDeletion(entry)),
    ),
  );
}

const SANDBOX = "sandbox";

const afterDeletion = (entry) =>
  entry.service === SANDBOX
    ? t("The sandbox can draw it again for free.")
    : t("You'd be charged to generate it again.");

function factLines(entry) {
  const { width, height, images, seed } = entry;
  const hasSeed = seed !== null && seed !== undefined;
  const time = new Date(entry.time * 1000);
  return [
    [
      width ? `${width} × ${height}` : "",
      images > 1 ? t("images: {count}", { count: images }) : "",
      hasSeed ? t("seed {seed}", { seed }) : "",
    ],
    [
      entry.service === SANDBOX ? t("sandbox") : dollars(entry.usd),
      entry.was_shown ? "" : t("unseen"),
    ],
    [time.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })],
  ].map((facts) => facts.filter(Boolean).join(" · "));
}

/** @param {string} path */
function openImages(entry, path) {
  const images = Array.from({ length: Math.max(1, entry.images) }, (_, i) =>
    element("img", { src: imageUrl(`${path}/image/${i}`), alt: "", class: "venice-full" }),
  );
  return openDialog(
    String(entry.model ?? "Venice"),
    (done) => [
      element("p", { text: factLines(entry).join(" · ") }),
      element("div", { class: "venice-images" }, ...images),
      endRow(button(t("Close"), () => done(null))),
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
 * each node of ours with its own seed.
 * @param {number} seed
 */
async function setSeed(seed) {
  const own = (node) => isOurs(node) && widgetOf(node, "seed");
  const all = [...allNodes()].filter(own);
  const selected = selectedNodes().filter(own);
  const seeds = all.filter((node) => node.comfyClass === "VeniceSeed");
  const free = all.filter((node) => !isLinked(node, "seed"));
  const chosen = [selected, seeds, free].find((some) => some.length > 0);
  if (!chosen) return toast("info", t("No seed input"), t("Add a Venice node with a seed first."));
  for (const node of chosen) useSeed(node, seed);
  const nodes = chosen.map((node) => node.title).join(", ");
  toast("success", t("Seed {seed}", { seed }), t("Set in {nodes}.", { nodes }));
}

/**
 * @param {string} path
 * @param {() => Promise<void>} reload
 */
async function remove(entry, path, reload) {
  if (!(await confirmDelete(t("Delete this result?"), afterDeletion(entry)))) return;
  await post(`${path}/remove`);
  await reload();
}
