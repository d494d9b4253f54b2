// @ts-check
/** Only what the model takes: hidden inputs, its own lists and ranges, names with prices. */

import {
  keepSocketsOutOfUndo,
  promotedWidgets,
  refreshWidgets,
  rememberChange,
  setHidden,
  setOption,
} from "./comfy.js";
import { button } from "./elements.js";
import { allNodes, isLinked, widgetOf } from "./graph.js";
import { fitNew, fitToContent, panelOf } from "./panel.js";
import { idsOf, onPrompt, prompt } from "./preview.js";
import { account, models } from "./server.js";
import { drawSocket, putSocketsLast, showSockets } from "./sockets.js";
import { said, t } from "./texts.js";
import { onChange } from "./watch.js";

const KINDS = /** @type {Record<string, "generate" | "edit" | "describe" | "write">} */ ({
  VeniceGenerateImage: "generate",
  VeniceEditImage: "edit",
  VeniceGrid: "generate",
  VeniceDescribeImage: "describe",
  VeniceWritePrompt: "write",
});
const AUTO = "auto";
const CONTROL = "control_after_generate";
/** Seldom needed: shown if changed, after a click on "More options", or always. */
const SELDOM = new Set([
  "negative_prompt",
  "cfg_scale",
  "lora_strength",
  "format",
  "hide_watermark",
  "safe_mode",
  "enhance_prompt",
  "enable_web_search",
  "skip_prompt_thinking",
  "batch_mode",
  "if_flagged",
  "transparent_background",
  "variation",
  "grow_mask",
  "feather",
  "keep_size",
  "extra_fields",
  "max_tokens",
]);
const LISTS = /** @type {Record<string, string>} */ ({
  aspect_ratio: "ratios",
  resolution: "tiers",
  quality: "qualities",
});
const MORE = "venice_more";
const PROMPT_LINES = 5;
const LINE_PX = 16;
const MIN_WIDTH = 340;

/** Makes a node follow its model, from now on. */
export function followModel(node) {
  raisePrompt(node);
  if (!KINDS[node.comfyClass]) return;
  panelOf(node)?.tools.append(moreButton(node));
  putSocketsLast(node);
  apply(node);
  // A node of a saved workflow gets its own size after this.
  fitNew(node, MIN_WIDTH);
}

/** Has all nodes follow what the server says now. */
export function applyAll() {
  for (const node of allNodes()) apply(node);
  applyOuter();
}

/** What changed of sockets while a graph was loaded is no step of undo either. */
export function settleSockets() {
  for (const node of allNodes()) if (KINDS[node.comfyClass]) keepSocketsOutOfUndo(node);
}

/** Listens to changes of the graph, to new models and to the setting "Show all inputs". */
export function watchModels() {
  onChange((changes) => {
    for (const [node, wasSeen] of changes) apply(node, wasSeen);
  });
  onPrompt(applyLinked);
  models.listen(applyAll);
  let showAll = false;
  account.listen(({ limits }) => {
    if (showAll === Boolean(limits?.show_all_inputs)) return;
    showAll = Boolean(limits?.show_all_inputs);
    applyAll();
  });
}

/** The models that a linked input last had, by node.
 * @type {WeakMap<any, string>} */
const linkedModels = new WeakMap();

/** A model that comes over a link, also from outside of a subgraph, is known from the prompt. */
function applyLinked() {
  for (const [node, ids] of idsOf) {
    if (!isLinked(node, "model")) continue;
    const now = ids.map((id) => String(prompt[id].inputs.model)).join();
    const before = linkedModels.get(node);
    linkedModels.set(node, now);
    if (now !== before) apply(node, before !== undefined);
  }
  applyOuter();
}

/**
 * What the server knows of the models that a node may use; null if that isn't known of each.
 * @returns {any[] | null}
 */
function modelsOf(node) {
  const list = knownOf(node);
  const ids = isLinked(node, "model")
    ? (idsOf.get(node) ?? []).map((id) => prompt[id].inputs.model)
    : [widgetOf(node, "model")?.value];
  const found = [...new Set(ids)].map((id) => list.find((one) => one.id === id));
  return found.length > 0 && found.every(Boolean) ? found : null;
}

const knownOf = (node) => models.now?.[KINDS[node.comfyClass]] ?? [];

/** The models to offer: to write prompts with an image only those that can see. */
function listOf(node) {
  const list = knownOf(node);
  const isSeen = KINDS[node.comfyClass] === "write" && isLinked(node, "image");
  return isSeen
    ? list.filter((model) => model.sees || model.id === widgetOf(node, "model")?.value)
    : list;
}

const showsAll = () => Boolean(account.now?.limits?.show_all_inputs);

/** How an input is declared: its default and options; null for a name that isn't one.
 * @returns {any} */
function declaredOf(node, name) {
  const { required, optional } = node.constructor.nodeData?.input ?? {};
  const spec = required?.[name] ?? optional?.[name];
  return spec ? (spec[1] ?? {}) : null;
}

/**
 * @param {boolean} isChosen whether a person changed what the node shows
 */
function apply(node, isChosen = false) {
  if (!KINDS[node.comfyClass]) return;
  const known = modelsOf(node);
  let isOther = false;
  for (const widget of node.widgets ?? []) {
    offer(node, widget.name, widget, known);
    const hidden = isHidden(node, widget, known);
    isOther = setHidden(widget, hidden) || isOther;
    drawSocket(node, widget.name, !hidden);
  }
  isOther = showSockets(node, (name) => showsAll() || isTaken(known, name)) || isOther;
  nameMoreButton(node);
  if (!isOther) return;
  refreshWidgets(node);
  fitToContent(node, isChosen);
}

/** Gives what subgraphs show of our nodes the lists that those have, and hides what they lack. */
function applyOuter() {
  for (const host of allNodes()) {
    let isOther = false;
    for (const { outer, inner } of host.subgraph ? promotedWidgets(host) : []) {
      const ours = inner.filter(({ node }) => KINDS[node.comfyClass]);
      if (ours.length === 0) continue;
      const each = ours.map(({ node }) => modelsOf(node));
      const known = each.every(Boolean) ? each.flat() : null;
      offer(ours[0].node, ours[0].name, outer, known);
      const isShown = showsAll() || isLinked(host, outer.name);
      const hidden = !isShown && ours.every(({ name }) => !isTaken(known, name));
      isOther = setHidden(outer, hidden) || isOther;
    }
    if (!isOther) continue;
    refreshWidgets(host);
    fitToContent(host);
  }
}

/**
 * Whether one of the models takes an input; also where they aren't known.
 * @param {any[] | null} known
 * @param {string} name
 */
const isTaken = (known, name) => !known || known.some((model) => model.inputs?.[name] !== false);

/** @param {any[] | null} known the models */
function isHidden(node, widget, known) {
  const { name, value } = widget;
  if (name === CONTROL) return value !== "fixed" && !showsAll() && !isTaken(known, "seed");
  const declared = declaredOf(node, name);
  if (!declared || isLinked(node, name) || showsAll()) return false;
  if (!isTaken(known, name)) return true;
  const isDefault = value === declared.default || (declared.default === undefined && value === "");
  return SELDOM.has(name) && !node.properties?.[MORE] && isDefault;
}

/**
 * Gives a widget the list or range of these models; all that is declared if they have none.
 * @param {string} name of the node's input
 * @param {any} widget of the node, or of a subgraph around it
 * @param {any[] | null} known the models
 */
function offer(node, name, widget, known) {
  if (name === "model") return nameModels(widget, listOf(node), knownOf(node));
  const { options } = widget;
  if (LISTS[name]) {
    const own = [...new Set(known?.flatMap((model) => model[LISTS[name]] ?? []))];
    const values = own.length > 0 ? [AUTO, ...own] : declaredOf(node, name).options;
    if (values && String(options.values) !== String(values)) setOption(widget, "values", values);
  }
  if (name === "steps") {
    const most = known?.map((model) => model.max_steps ?? Number.POSITIVE_INFINITY) ?? [];
    const max = Math.min(
      Math.max(0, ...most) || Number.POSITIVE_INFINITY,
      declaredOf(node, name).max,
    );
    if (options.max !== max) setOption(widget, "max", max);
  }
}

/**
 * Offers models by their names; an unknown one that is in the list stays.
 * @param {any[]} list what to offer
 * @param {any[]} all that are known
 */
function nameModels(widget, list, all) {
  const { getOptionLabel, values: before = [] } = widget.options;
  const labels = new Map(all.map((model) => [model.id, said(model.label)]));
  const values = [...list.map(({ id }) => id), ...before.filter((id) => !labels.has(id))];
  const isSame = String(before) === String(values);
  if (isSame && getOptionLabel && list.every(({ id }) => getOptionLabel(id) === labels.get(id)))
    return;
  setOption(widget, "values", values);
  setOption(widget, "getOptionLabel", (id) => labels.get(id) ?? id ?? "");
}

function moreButton(node) {
  const made = button("", () => {
    node.properties ??= {};
    node.properties[MORE] = !node.properties[MORE];
    apply(node, true);
    rememberChange();
  });
  moreButtons.set(node, made);
  return made;
}

/** @type {WeakMap<any, any>} */
const moreButtons = new WeakMap();

function nameMoreButton(node) {
  const made = moreButtons.get(node);
  if (!made) return;
  made.textContent = node.properties?.[MORE] ? t("Fewer options") : t("More options");
  made.hidden = showsAll();
}

/**
 * Gives the prompt at least five lines, also where other widgets want the room; none where it comes
 * over a link.
 */
function raisePrompt(node) {
  const widget = widgetOf(node, "prompt");
  if (!widget?.element) return;
  const height = PROMPT_LINES * LINE_PX + 24;
  widget.options.getMinHeight = () => (isLinked(node, "prompt") ? 0 : height);
  widget.element.classList.add("venice-prompt");
  fitToContent(node);
}
