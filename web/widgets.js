// @ts-check
/** Inputs that follow the model: hidden ones, lists and ranges, model names with prices. */

import {
  keepSocketsOutOfUndo,
  promotedWidgets,
  refreshWidgets,
  rememberChange,
  setHidden,
  setOptions,
} from "./comfy.js";
import { button } from "./elements.js";
import { allNodes, isLinked, widgetOf } from "./graph.js";
import { fitNew, fitToContent, panelOf } from "./panel.js";
import { idsOf, onPrompt, prompt } from "./preview.js";
import { account, models } from "./server.js";
import { drawSocket, putSocketsLast, showSockets } from "./sockets.js";
import { said, t } from "./texts.js";
import { onChange } from "./watch.js";

/** @type {Record<string, "generate" | "edit" | "describe" | "write">} */
const KINDS = {
  VeniceGenerateImage: "generate",
  VeniceEditImage: "edit",
  VeniceGrid: "generate",
  VeniceDescribeImage: "describe",
  VeniceWritePrompt: "write",
};
const AUTO = "auto";
const CONTROL = "control_after_generate";
/** Hidden until changed, or until a click on "More options". */
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
/** @type {Record<string, "ratios" | "tiers" | "qualities">} */
const LISTS = { aspect_ratio: "ratios", resolution: "tiers", quality: "qualities" };
const MORE = "venice_more";
const PROMPT_LINES = 5;
const LINE_PX = 16;
const MIN_WIDTH = 340;

/** @param {GraphNode} node */
const kindOf = ({ comfyClass = "" }) => KINDS[comfyClass];

/** Make a node follow its model, from now on. @param {GraphNode} node */
export function followModel(node) {
  raisePrompt(node);
  if (!kindOf(node)) return;
  panelOf(node)?.tools.append(moreButton(node));
  putSocketsLast(node);
  apply(node);
  // Nodes of saved workflows get their own size later.
  fitNew(node, MIN_WIDTH);
}

export function applyAll() {
  for (const node of allNodes()) apply(node);
  applyOuter();
}

/** Keep changes of sockets during a load out of undo. */
export function settleSockets() {
  for (const node of allNodes()) if (kindOf(node)) keepSocketsOutOfUndo(node);
}

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

/** The last models of linked inputs. @type {WeakMap<GraphNode, string>} */
const linkedModels = new WeakMap();

/** Apply linked models, also those from outside a subgraph: the prompt names them. */
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

/** The models that a node may use; null unless all are known.
 * @param {GraphNode} node @returns {Model[] | null} */
function modelsOf(node) {
  const list = knownOf(node);
  const ids = isLinked(node, "model")
    ? (idsOf.get(node) ?? []).map((id) => prompt[id].inputs.model)
    : [widgetOf(node, "model")?.value];
  const found = [...new Set(ids)].map((id) => list.find((one) => one.id === id));
  return found.length > 0 && found.every((one) => one !== undefined) ? found : null;
}

const knownOf = (/** @type {GraphNode} */ node) => models.now?.[kindOf(node)] ?? [];

/** The models to offer: with an image, Write Prompt needs one that sees. @param {GraphNode} node */
function listOf(node) {
  const list = knownOf(node);
  const isSeen = kindOf(node) === "write" && isLinked(node, "image");
  return isSeen
    ? list.filter((model) => model.sees || model.id === widgetOf(node, "model")?.value)
    : list;
}

const showsAll = () => Boolean(account.now?.limits?.show_all_inputs);

/** The declaration of an input; null if it isn't one. @param {GraphNode} node @param {string} name */
function declaredOf(node, name) {
  const { required, optional } = node.constructor.nodeData?.input ?? {};
  const spec = required?.[name] ?? optional?.[name];
  return spec ? (spec[1] ?? {}) : null;
}

/** @param {GraphNode} node @param {boolean} isChosen whether a person changed what it shows */
function apply(node, isChosen = false) {
  if (!kindOf(node)) return;
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

/** Apply the models inside subgraphs to the widgets that those show. */
function applyOuter() {
  for (const host of allNodes()) {
    let isOther = false;
    for (const { outer, inner } of host.subgraph ? promotedWidgets(host) : []) {
      const ours = inner.filter(({ node }) => kindOf(node));
      if (ours.length === 0) continue;
      const each = ours.map(({ node }) => modelsOf(node));
      const known = each.every((one) => one !== null) ? each.flat() : null;
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

/** Whether one of the models takes an input, or none is known.
 * @type {(known: Model[] | null, name: string) => boolean} */
const isTaken = (known, name) => !known || known.some((model) => model.inputs?.[name] !== false);

/** @param {GraphNode} node @param {Widget} widget @param {Model[] | null} known */
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
 * Give a widget the list or range of these models, or the declared one.
 * @param {GraphNode} node @param {string} name of its input
 * @param {Widget} widget of the node or of a subgraph around it
 * @param {Model[] | null} known
 */
function offer(node, name, widget, known) {
  if (name === "model") return nameModels(widget, listOf(node), knownOf(node));
  const { options } = widget;
  if (LISTS[name]) {
    const own = [...new Set(known?.flatMap((model) => model[LISTS[name]] ?? []))];
    const values = own.length > 0 ? [AUTO, ...own] : declaredOf(node, name)?.options;
    if (values && String(options.values) !== String(values)) setOptions(widget, { values });
  }
  if (name === "steps") {
    const most = known?.map((model) => model.max_steps ?? Number.POSITIVE_INFINITY) ?? [];
    const max = Math.min(
      Math.max(0, ...most) || Number.POSITIVE_INFINITY,
      declaredOf(node, name)?.max ?? Number.POSITIVE_INFINITY,
    );
    if (options.max !== max) setOptions(widget, { max });
  }
}

/** Offer models by name; unknown ones in the list stay.
 * @param {Widget} widget @param {Model[]} list the offer @param {Model[]} all known ones */
function nameModels(widget, list, all) {
  const { getOptionLabel, values: before = [] } = widget.options;
  const labels = new Map(all.map((model) => [model.id, said(model.label)]));
  const values = [...list.map(({ id }) => id), ...before.filter((id) => !labels.has(id))];
  const isSame = String(before) === String(values);
  if (isSame && getOptionLabel && list.every(({ id }) => getOptionLabel(id) === labels.get(id)))
    return;
  setOptions(widget, { values, getOptionLabel: (id) => labels.get(id) ?? id ?? "" });
}

/** @param {GraphNode} node */
function moreButton(node) {
  const made = button("", () => {
    node.properties[MORE] = !node.properties[MORE];
    apply(node, true);
    rememberChange();
  });
  moreButtons.set(node, made);
  return made;
}

/** @type {WeakMap<GraphNode, HTMLElement>} */
const moreButtons = new WeakMap();

/** @param {GraphNode} node */
function nameMoreButton(node) {
  const made = moreButtons.get(node);
  if (!made) return;
  made.textContent = node.properties?.[MORE] ? t("Fewer options") : t("More options");
  made.hidden = showsAll();
}

/** Give the prompt at least five lines before other widgets take the room, or none if it's linked.
 * @param {GraphNode} node */
function raisePrompt(node) {
  const widget = widgetOf(node, "prompt");
  if (!widget?.element) return;
  const height = PROMPT_LINES * LINE_PX + 24;
  widget.options.getMinHeight = () => (isLinked(node, "prompt") ? 0 : height);
  widget.element.classList.add("venice-prompt");
  fitToContent(node);
}
