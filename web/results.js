// @ts-check
/** A saved result: its texts and its buttons. */

import {
  centerOn,
  confirmDelete,
  openWorkflow,
  rememberChange,
  selectedNodes,
  toast,
  watchDrops,
} from "./comfy.js";
import { dollars, iconButton } from "./elements.js";
import { addNode, allNodes, isLinked, isOurs, middleOfView, setWidget, widgetOf } from "./graph.js";
import { requestPreview } from "./preview.js";
import { useSeed } from "./seed.js";
import { get, imageUrl, post } from "./server.js";
import { dateText, t } from "./texts.js";

const SANDBOX = "sandbox";
/** The most results in one request. */
const AT_ONCE = 500;
/** The most characters of a prompt in a tooltip. */
const MAX_TIP = 600;

/** The type of a dragged result's id. */
const DRAGGED = "application/x-venice-result";

/** Nodes that load an image from the input folder. */
const LOADERS = ["LoadImage", "LoadImageMask"];

/** @typedef {(entry: SavedResult) => string} TextOf */

const pathOf = (/** @type {{id: string}} */ { id }) => `results/${encodeURIComponent(id)}`;
/** @type {TextOf} */
export const thumbnailUrl = (entry) => imageUrl(`${pathOf(entry)}/thumbnail`);
/** @type {(entry: SavedResult, n: number) => string} */
export const fullUrl = (entry, n) => imageUrl(`${pathOf(entry)}/image/${n}`);

export const isText = (/** @type {SavedResult} */ entry) => entry.kind === "text";
/** @type {TextOf} */
export const modelOf = (entry) => entry.model || t("unknown model");
/** @type {TextOf} */
export const textOf = (entry) => entry.text ?? "";
/** @type {TextOf} */
export const promptOf = (entry) => entry.prompt ?? "";
export const imagesOf = (/** @type {SavedResult} */ entry) => Math.max(1, entry.images);

/** The tooltip: the beginning of its prompt or text, and facts. @type {TextOf} */
export function tipOf(entry) {
  const prompt = promptOf(entry) || textOf(entry);
  const short = prompt.length > MAX_TIP ? `${prompt.slice(0, MAX_TIP)}…` : prompt;
  return [short, modelOf(entry), ...factsOf(entry)].filter(Boolean).join("\n");
}

/** Lines about a result: size and seed; cost and time. @param {SavedResult} entry */
export function factsOf(entry) {
  const { width, height, seed } = entry;
  const time = new Date(entry.time * 1000);
  return [
    [
      width ? `${width} × ${height}` : "",
      imagesOf(entry) > 1 ? t("images: {count}", { count: imagesOf(entry) }) : "",
      seed === null ? "" : t("seed {seed}", { seed }),
    ],
    [
      entry.service === SANDBOX ? t("sandbox") : dollars(entry.usd),
      entry.was_shown ? "" : t("unseen"),
      dateText(time, { dateStyle: "medium", timeStyle: "short" }),
    ],
  ]
    .map((facts) => facts.filter(Boolean).join(" · "))
    .filter(Boolean);
}

/**
 * The buttons for image `n` of a result. They call `removed` after a deletion, and `left` before they
 * change the graph.
 * @param {SavedResult} entry
 * @param {{n?: number, removed: () => unknown, left?: () => void}} options
 */
export function actionsFor(entry, options) {
  const { n = 0, removed, left = () => {} } = options;
  const { seed } = entry;
  const text = textOf(entry) || promptOf(entry);
  const copyName = isText(entry) ? t("Copy text") : t("Copy prompt");
  const isImage = !isText(entry);
  return [
    isImage && iconButton("download", t("Save to the output folder"), () => save([entry])),
    isImage &&
      iconButton("image", t("Add to the workflow as Load Image"), () => {
        left();
        return useAsInput(entry.id, n);
      }),
    seed !== null && iconButton("hashtag", t("Use this seed in the workflow"), () => setSeed(seed)),
    entry.has_workflow &&
      iconButton("sitemap", t("Restore workflow"), () => {
        left();
        return restoreWorkflow(entry);
      }),
    text && iconButton("copy", copyName, () => copy(text)),
    iconButton("trash", t("Delete"), () => remove([entry], removed)),
  ];
}

/** Save the images of results to the output folder. @param {SavedResult[]} entries */
export async function save(entries) {
  const names = await inParts("save", entries, ({ names }) => names);
  toast("success", t("Saved (images: {count})", { count: names.length }), names[0]);
}

/** Ask, then delete results. @param {SavedResult[]} entries @param {() => unknown} removed */
export async function remove(entries, removed) {
  const title =
    entries.length === 1
      ? t("Delete this result?")
      : t("Delete these results? ({count})", { count: entries.length });
  if (!(await confirmDelete(title, afterDeletion(entries)))) return;
  try {
    await inParts("remove", entries, () => []);
  } finally {
    requestPreview(); // A deleted result isn't free anymore.
  }
  await removed();
}

const afterDeletion = (/** @type {SavedResult[]} */ entries) =>
  entries.every(({ service }) => service === SANDBOX)
    ? t("You can generate it again for free in the sandbox.")
    : t("You'd be charged to generate it again.");

/** Post results to a route in parts, since it has a limit.
 * @param {string} what @param {SavedResult[]} entries @param {(answer: any) => string[]} read */
async function inParts(what, entries, read) {
  const found = [];
  for (let i = 0; i < entries.length; i += AT_ONCE) {
    const ids = entries.slice(i, i + AT_ONCE).map(({ id }) => id);
    found.push(...read(await post(`results/${what}`, { ids })));
  }
  return found;
}

/** @param {SavedResult} entry */
export function markSeen(entry) {
  if (entry.was_shown) return;
  entry.was_shown = true;
  post("results/seen", { ids: [entry.id] }).catch(() => {});
}

/** @param {string} text */
export async function copy(text) {
  await navigator.clipboard.writeText(text);
  toast("success", t("Copied"));
}

/** @param {SavedResult} entry */
async function restoreWorkflow(entry) {
  const { workflow } = await get(`${pathOf(entry)}/workflow`);
  await openWorkflow(workflow, `venice ${entry.id.slice(0, 8)}`);
}

/** Load image `n` of a result in `node`, else in a new node at `place`.
 * @param {string} id @param {number} n @param {GraphNode | null} node */
async function useAsInput(id, n, node = null, place = middleOfView()) {
  const { names } = await post("results/input", { ids: [id] });
  const name = names[n] ?? names[0];
  const loader = node ?? addNode("LoadImage", place);
  const values = widgetOf(loader, "image")?.options?.values;
  if (Array.isArray(values) && !values.includes(name)) values.push(name);
  setWidget(loader, "image", name);
  if (!node) centerOn(loader);
  rememberChange();
}

/** Let people drag a result onto the graph. @param {HTMLElement} element @param {SavedResult} entry */
export function makeDraggable(element, entry) {
  element.draggable = true;
  element.addEventListener("dragstart", ({ dataTransfer }) => {
    dataTransfer?.setData(DRAGGED, entry.id);
    if (dataTransfer) dataTransfer.effectAllowed = "copy";
  });
}

/** Load dropped results, in the Load Image node under the pointer if there is one. */
export const watchResultDrops = () =>
  watchDrops(DRAGGED, (id, node, place) => {
    const loader = LOADERS.includes(node?.comfyClass ?? "") ? node : null;
    return useAsInput(id, 0, loader, place);
  });

/** Set a seed in the selected nodes, else in each Venice Seed, else in each of our nodes with its own.
 * @param {number} seed */
async function setSeed(seed) {
  const own = (/** @type {GraphNode} */ node) => isOurs(node) && widgetOf(node, "seed");
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
