// @ts-check
/** Only what the model takes: hidden inputs, its own lists and ranges, names with prices. */

import { button } from "./elements.js";
import {
  allNodes,
  drawnByVue,
  inAppMode,
  isLinked,
  keepSocketsOutOfUndo,
  rememberChange,
  widgetOf,
} from "./graph.js";
import { fitNew, fitToContent, panelOf } from "./panel.js";
import { account, models } from "./server.js";
import { drawSocket, showSockets } from "./sockets.js";

const KINDS = /** @type {Record<string, "generate" | "edit">} */ ({
  VeniceGenerateImage: "generate",
  VeniceEditImage: "edit",
  VeniceGrid: "generate",
});
const AUTO = "auto";
/** Seldom needed: seen where they are not as they were, after a click on "More inputs", or always. */
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
const GAP_PX = 4;

/**
 * Makes a node follow its model.
 * @param {any} node
 */
export function followModel(node) {
  raisePrompt(node);
  const kind = KINDS[node.comfyClass];
  const model = widgetOf(node, "model");
  if (!kind || !model) return;
  rememberDefaults(node);
  const chosen = model.callback;
  model.callback = function (/** @type {any[]} */ ...given) {
    const result = chosen?.apply(this, given);
    apply(node, true);
    return result;
  };
  for (const name of ["onConfigure", "onConnectionsChange"]) {
    const before = node[name];
    node[name] = function (/** @type {any[]} */ ...given) {
      const result = before?.apply(this, given);
      queueMicrotask(() => apply(node));
      return result;
    };
  }
  panelOf(node)?.tools.append(moreButton(node));
  apply(node);
  // A node of a saved workflow gets its own size after this.
  fitNew(node, MIN_WIDTH);
}

/** Has all nodes follow what the server says now. */
export function applyAll() {
  for (const node of allNodes()) if (KINDS[node.comfyClass]) apply(node);
}

/** What changed of sockets while a graph was loaded is no step of undo either. */
export function settleSockets() {
  for (const node of allNodes()) if (KINDS[node.comfyClass]) keepSocketsOutOfUndo(node);
}

/** Listens to new models and to the setting "Show all inputs". */
export function watchModels() {
  models.listen(applyAll);
  let showAll = false;
  account.listen((now) => {
    if (showAll === Boolean(now.limits?.show_all_inputs)) return;
    showAll = Boolean(now.limits?.show_all_inputs);
    applyAll();
  });
}

/** @type {WeakMap<any, Record<string, any>>} */
const defaults = new WeakMap();

/** @param {any} node */
function rememberDefaults(node) {
  const { required = {}, optional = {} } = node.constructor.nodeData?.input ?? {};
  const declared = Object.entries({ ...required, ...optional });
  defaults.set(
    node,
    Object.fromEntries(
      declared.map(([name, spec]) => [
        name,
        {
          value: /** @type {any} */ (spec)[1]?.default,
          options: /** @type {any} */ (spec)[1] ?? {},
        },
      ]),
    ),
  );
}

/**
 * @param {any} node
 * @param {boolean} isChosen whether a person changed what the node shows
 */
function apply(node, isChosen = false) {
  const kind = KINDS[node.comfyClass];
  const list = models.now?.[kind] ?? [];
  nameModels(widgetOf(node, "model"), list);
  const id = widgetOf(node, "model")?.value;
  const model = isLinked(node, "model")
    ? null
    : list.find((/** @type {any} */ one) => one.id === id);
  let different = false;
  for (const widget of node.widgets ?? []) {
    if (LISTS[widget.name]) offer(node, widget, model?.[LISTS[widget.name]]);
    if (widget.name === "steps") limitSteps(node, widget, model?.max_steps);
    const hidden = isHidden(node, widget, model);
    different = hide(widget, hidden) || different;
    drawSocket(node, widget.name, !hidden);
  }
  const showsAll = !model || account.now?.limits?.show_all_inputs;
  different = showSockets(node, (name) => showsAll || takes(model, name) !== false) || different;
  nameMoreButton(node);
  if (different) afterHiding(node, isChosen);
}

/**
 * @param {any} node
 * @param {any} widget
 * @param {any} model what is known of it, or null
 */
function isHidden(node, widget, model) {
  const known = defaults.get(node)?.[widget.name];
  if (!known || isLinked(node, widget.name) || account.now?.limits?.show_all_inputs) return false;
  if (model && takes(model, widget.name) === false) return true;
  const isSeldom = SELDOM.has(widget.name) && !node.properties?.[MORE];
  return (
    isSeldom && (widget.value === known.value || (known.value === undefined && widget.value === ""))
  );
}

/**
 * @param {any} model
 * @param {string} name
 */
const takes = (model, name) => model.inputs?.[name];

/**
 * Whether this changed anything.
 * @param {any} widget
 * @param {boolean} hidden
 */
function hide(widget, hidden) {
  // In frontend 1.58 a widget with a link also says that it is hidden; its options do not.
  if (Boolean(widget.options?.hidden) === hidden) return false;
  widget.hidden = hidden;
  setOption(widget, "hidden", hidden);
  // An old frontend leaves room for a hidden widget unless it is this small.
  if (hidden) widget.computeSize = () => [0, -GAP_PX];
  else delete widget.computeSize;
  return true;
}

/**
 * Sets an option for the canvas, and for Vue where it has its own copy.
 * @param {any} widget
 * @param {string} name
 * @param {any} value
 */
function setOption(widget, name, value) {
  widget.options ??= {};
  widget.options[name] = value;
  if (widget._state?.options) widget._state.options[name] = value;
}

/**
 * @param {any} node
 * @param {boolean} isChosen
 */
function afterHiding(node, isChosen) {
  const isWatched = node.widgets?.some((/** @type {any} */ widget) => widget._state?.options);
  if ((!isWatched && drawnByVue()) || inAppMode()) {
    const list = [...node.widgets];
    node.widgets = [];
    node.widgets = list;
  }
  fitToContent(node, isChosen);
}

/**
 * @param {any} node
 * @param {any} widget
 * @param {string[] | undefined} values that the model has
 */
function offer(node, widget, values) {
  const all = defaults.get(node)?.[widget.name]?.options?.options ?? widget.options.values;
  const own = values?.length ? [AUTO, ...values] : all;
  if (String(widget.options.values) !== String(own)) setOption(widget, "values", own);
}

/**
 * @param {any} node
 * @param {any} widget
 * @param {number | null | undefined} most
 */
function limitSteps(node, widget, most) {
  const max = most ?? defaults.get(node)?.steps?.options?.max ?? widget.options.max;
  if (widget.options.max !== max) setOption(widget, "max", max);
}

/**
 * @param {any} widget
 * @param {any[]} list
 */
function nameModels(widget, list) {
  if (!widget || list.length === 0 || widget.veniceModels === list) return;
  widget.veniceModels = list;
  const labels = new Map(list.map((model) => [model.id, model.label]));
  const others = (widget.options.values ?? []).filter(
    (/** @type {string} */ id) => !labels.has(id),
  );
  setOption(widget, "values", [...labels.keys(), ...others]);
  setOption(
    widget,
    "getOptionLabel",
    (/** @type {string | null} */ id) => labels.get(id) ?? id ?? "",
  );
}

/** @param {any} node */
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

/** @param {any} node */
function nameMoreButton(node) {
  const made = moreButtons.get(node);
  if (!made) return;
  made.textContent = node.properties?.[MORE] ? "Fewer inputs" : "More inputs";
  made.hidden = Boolean(account.now?.limits?.show_all_inputs);
}

/**
 * Gives the prompt at least five lines, also where other widgets want the room; none where it comes
 * by wire.
 * @param {any} node
 */
function raisePrompt(node) {
  const prompt = widgetOf(node, "prompt");
  if (!prompt?.element) return;
  const height = PROMPT_LINES * LINE_PX + 24;
  prompt.options.getMinHeight = () => (isLinked(node, "prompt") ? 0 : height);
  prompt.element.classList.add("venice-prompt");
  fitToContent(node);
}
