// @ts-check
/** A saved result: what it says, and what can be done with it. */

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
import { useSeed } from "./seed.js";
import { get, imageUrl, post } from "./server.js";
import { t } from "./texts.js";

const SANDBOX = "sandbox";
/** Most results in one request to the server. */
const AT_ONCE = 500;
/** Most characters of a prompt in a tooltip. */
const MAX_TIP = 600;

/** What is dragged: the id of a result. */
const DRAGGED = "application/x-venice-result";

/** Nodes that take an image of the input folder by name. */
const LOADERS = ["LoadImage", "LoadImageMask"];

const pathOf = (entry) => `results/${encodeURIComponent(entry.id)}`;
export const thumbnailUrl = (entry) => imageUrl(`${pathOf(entry)}/thumbnail`);
export const fullUrl = (entry, n) => imageUrl(`${pathOf(entry)}/image/${n}`);

export const isText = (entry) => entry.kind === "text";
export const modelOf = (entry) => String(entry.model || t("unknown model"));
export const textOf = (entry) => (typeof entry.text === "string" ? entry.text : "");
export const promptOf = (entry) => (typeof entry.prompt === "string" ? entry.prompt : "");
export const imagesOf = (entry) => Math.max(1, Number(entry.images) || 1);

/** The beginning of its prompt, or what else there is to say of it. */
export function tipOf(entry) {
  const prompt = promptOf(entry) || textOf(entry);
  const short = prompt.length > MAX_TIP ? `${prompt.slice(0, MAX_TIP)}…` : prompt;
  return [short, modelOf(entry), ...factsOf(entry)].filter(Boolean).join("\n");
}

/** Lines about a result: size and seed, cost, time. */
export function factsOf(entry) {
  const { width, height, seed } = entry;
  const time = new Date(entry.time * 1000);
  return [
    [
      width ? `${width} × ${height}` : "",
      imagesOf(entry) > 1 ? t("images: {count}", { count: imagesOf(entry) }) : "",
      seed === null || seed === undefined ? "" : t("seed {seed}", { seed }),
    ],
    [
      entry.service === SANDBOX ? t("sandbox") : dollars(entry.usd),
      entry.was_shown ? "" : t("unseen"),
      time.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }),
    ],
  ]
    .map((facts) => facts.filter(Boolean).join(" · "))
    .filter(Boolean);
}

/**
 * The buttons for a result. `n` is the image of it that is meant, `removed` is called after it was
 * deleted, `left` before the graph is changed.
 * @param {{n?: number, removed: () => unknown, left?: () => void}} options
 */
export function actionsFor(entry, options) {
  const { n = 0, removed, left = () => {} } = options;
  const text = textOf(entry) || promptOf(entry);
  const copyName = isText(entry) ? t("Copy text") : t("Copy prompt");
  const isImage = !isText(entry);
  return [
    isImage && iconButton("download", t("Save to the output folder"), () => save([entry])),
    isImage &&
      iconButton("image", t("Add to the workflow as Load Image"), () => {
        left();
        return useAsInput(entry, n);
      }),
    Number.isFinite(entry.seed) &&
      iconButton("hashtag", t("Use this seed in the workflow"), () => setSeed(entry.seed)),
    entry.has_workflow === true &&
      iconButton("sitemap", t("Restore workflow"), () => {
        left();
        return restoreWorkflow(entry);
      }),
    text && iconButton("copy", copyName, () => copy(text)),
    iconButton("trash", t("Delete"), () => remove([entry], removed)),
  ].filter(Boolean);
}

/** Saves the images of results to ComfyUI's output folder. */
export async function save(entries) {
  const names = await inParts("save", entries, ({ names }) => names);
  toast("success", t("Saved (images: {count})", { count: names.length }), names[0]);
}

/** @param {() => unknown} removed called if they were deleted */
export async function remove(entries, removed) {
  const title =
    entries.length === 1
      ? t("Delete this result?")
      : t("Delete these results? ({count})", { count: entries.length });
  if (!(await confirmDelete(title, afterDeletion(entries)))) return;
  await inParts("remove", entries, () => []);
  await removed();
}

const afterDeletion = (entries) =>
  entries.every(({ service }) => service === SANDBOX)
    ? t("The sandbox can draw it again for free.")
    : t("You'd be charged to generate it again.");

/**
 * Has the server do something with results, as many at once as it takes.
 * @param {(answer: any) => any[]} read
 */
async function inParts(what, entries, read) {
  const found = [];
  for (let i = 0; i < entries.length; i += AT_ONCE) {
    const ids = entries.slice(i, i + AT_ONCE).map(({ id }) => id);
    found.push(...read(await post(`results/${what}`, { ids })));
  }
  return found;
}

/** Notes that a result was looked at. */
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

async function restoreWorkflow(entry) {
  const { workflow } = await get(`${pathOf(entry)}/workflow`);
  await openWorkflow(workflow, `venice ${entry.id.slice(0, 8)}`);
}

/**
 * Loads an image in a node that takes one, else in a new one at `place`.
 * @param {number} n
 * @param {any} [node]
 * @param {[number, number]} [place]
 */
async function useAsInput(entry, n, node = null, place = middleOfView()) {
  const { names } = await post("results/input", { ids: [entry.id] });
  const name = names[n] ?? names[0];
  const loader = node ?? addNode("LoadImage", place);
  const values = widgetOf(loader, "image")?.options?.values;
  if (Array.isArray(values) && !values.includes(name)) values.push(name);
  setWidget(loader, "image", name);
  if (!node) centerOn(loader);
  rememberChange();
}

/** Lets a result be dragged onto the graph. */
export function makeDraggable(element, entry) {
  element.draggable = true;
  element.addEventListener("dragstart", (/** @type {DragEvent} */ event) => {
    event.dataTransfer?.setData(DRAGGED, String(entry.id));
    if (event.dataTransfer) event.dataTransfer.effectAllowed = "copy";
  });
}

/** Takes results that are dropped on the graph: a node that loads images takes one over. */
export const watchResultDrops = () =>
  watchDrops(DRAGGED, (id, node, place) => {
    const loader = LOADERS.includes(node?.comfyClass) ? node : null;
    return useAsInput({ id }, 0, loader, place);
  });

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
