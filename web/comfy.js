// @ts-check
/**
 * Everything that touches ComfyUI's frontend. No other file here imports its scripts or names its
 * functions, stores and elements; a structure test holds that. The graph's own objects (nodes, their
 * widgets, inputs and properties) are used everywhere.
 */

import { api } from "../../scripts/api.js";
import { app as typedApp } from "../../scripts/app.js";

const app = /** @type {any} */ (typedApp);
const liteGraph = () => /** @type {any} */ (window).LiteGraph;

export const register = (extension) => app.registerExtension(extension);

/** The language that the page speaks, such as "en". */
export const language = () => String(app.extensionManager.setting.get("Comfy.Locale"));

/** Starts one of the page's commands. */
export const execute = (command) => app.extensionManager.command.execute(command);

/** Shows a message in ComfyUI's own corner, for a while.
 * @param {"info" | "success" | "error"} severity */
export const toast = (severity, summary, detail = "") =>
  app.extensionManager.toast.add({ severity, summary, detail, life: 15_000 });

/** Asks in ComfyUI's own dialog whether to delete something. */
export const confirmDelete = async (title, message) =>
  (await app.extensionManager.dialog.confirm({ title, message, type: "delete" })) === true;

/** Asks a route of the server; the browser's `fetch`, with the address and user of this page. */
export const fetchRoute = (path, options) => api.fetchApi(path, options);
export const routeUrl = (path) => api.apiURL(path);

/** Calls `heard` with each message of this name that comes over the page's socket. */
export const onMessage = (name, heard) =>
  api.addEventListener(name, (/** @type {any} */ event) => heard(event.detail));

// --- The graph ---------------------------------------------------------------------------------

/** The outermost graph of the workflow in front; null before there is one. */
export const rootGraph = () => app.graph?.rootGraph ?? app.graph ?? null;

/** The graph in view: that of a subgraph that was opened, or the outermost. */
export const graphInView = () => app.canvas?.graph;

/** The workflow in front, one object a tab; null before there is one. */
export const workflowInFront = () => app.extensionManager?.workflow?.activeWorkflow ?? null;

/** What ComfyUI would send for the graph as it is, by execution id. */
export const makePrompt = async () => (await app.graphToPrompt()).output;

export const createNode = (type) => liteGraph().createNode(type);

/** The pixels that a node's title takes above its place. */
export const titleHeight = () => liteGraph().NODE_TITLE_HEIGHT;

/** Removes what ComfyUI would show on a new node: the images of a deleted one with the same id. */
export function forgetOutputs(node) {
  if (node.graph === rootGraph()) delete app.nodeOutputs?.[node.id];
}

/**
 * Each widget that a subgraph's node shows of the nodes in it, with those it comes from.
 * @returns {Generator<{outer: any, inner: {node: any, name: string}[]}>}
 */
export function* promotedWidgets(host) {
  for (const input of host.inputs ?? []) {
    const outer = host.widgets?.find((widget) => widget.name === input.widget?.name);
    if (!outer) continue;
    const inner = [...insideOf(host, input.name)];
    // In frontend 1.27 it shares the options of the widget that it comes from.
    const isShared = inner.some(({ node }) =>
      node.widgets?.some((w) => w.options === outer.options),
    );
    if (isShared) outer.options = { ...outer.options };
    yield { outer, inner };
  }
}

/**
 * @param {string} name of an input of a subgraph's node
 * @returns {Generator<{node: any, name: string}>}
 */
function* insideOf(host, name) {
  const boundary = host.subgraph.inputs.find((input) => input.name === name);
  for (const id of boundary?.linkIds ?? []) {
    const link = host.subgraph.getLink(id);
    const node = link && host.subgraph.getNodeById(link.target_id);
    const input = node?.inputs?.[link.target_slot];
    if (node?.subgraph) yield* insideOf(node, input.name);
    else if (input?.widget) yield { node, name: input.widget.name };
  }
}

// --- Runs and loads ----------------------------------------------------------------------------

/**
 * Has each press of Run wait for `mayRun`, and each prompt that is really sent for `mayQueue`. `starts`
 * is called with the prompt, and what it returns with the id of the job.
 * @param {{
 *   mayRun: (runs: number, targets: any[] | undefined) => Promise<boolean>,
 *   mayQueue: (prompt: any, targets: any[] | undefined) => Promise<boolean>,
 *   starts: (prompt: any) => (id: string) => void,
 * }} listener
 */
export function watchRuns({ mayRun, mayQueue, starts }) {
  const run = app.queuePrompt;
  app.queuePrompt = async function (number, runs = 1, ...more) {
    const [options] = more;
    const targets = Array.isArray(options) ? options : options?.queueNodeIds;
    if (!(await mayRun(runs, targets))) return false;
    return run.call(this, number, runs, ...more);
  };
  const queue = /** @type {any} */ (api).queuePrompt;
  /** @type {any} */ (api).queuePrompt = async function (number, data, options, ...more) {
    const prompt = data?.output ?? {};
    if (!(await mayQueue(prompt, options?.partialExecutionTargets))) return {}; // It made no job.
    const accepted = starts(prompt);
    const answer = await queue.call(this, number, data, options, ...more);
    if (answer?.prompt_id) accepted(answer.prompt_id);
    return answer;
  };
}

/** Queues the graph as a press of Run does. */
export const pressRun = () => app.queuePrompt(0, 1);

/** Calls `loaded` after each graph that the page loads: a tab, undo, a file. Only then is the workflow
 * in front the one that was loaded. It gets whether it was a file, also one that was open before.
 * @param {(isFile: boolean) => void} loaded */
export function watchLoads(loaded) {
  const load = app.loadGraphData;
  app.loadGraphData = async function (...given) {
    const result = await load.apply(this, given);
    loaded(typeof given[3] === "string"); // For a tab it is the workflow itself.
    return result;
  };
}

/** Opens a workflow in a new tab, as if its file were dropped on the page. */
export const openWorkflow = (workflow, name) =>
  app.handleFile(
    new File([JSON.stringify(workflow)], `${name}.json`, { type: "application/json" }),
  );

/** Has the page read the lists of all nodes again. */
export const refreshCombos = () => app.refreshComboInNodes?.();

// --- Undo --------------------------------------------------------------------------------------

/** Makes one step for undo of what was changed, as the page does after a click. */
export function rememberChange() {
  const tracker = workflowInFront()?.changeTracker;
  if (tracker?.captureCanvasState) tracker.captureCanvasState();
  else tracker?.checkState?.();
}

/**
 * Writes what the page changed of a node by itself into the state that undo compares with: it is
 * no step of undo, and loses nobody the way forward.
 * @param {Record<string, any>} changes
 */
export function keepOutOfUndo(node, changes) {
  const nodes = graphOfUndo(node)?.nodes;
  if (!nodes) return;
  const known = savedById.get(nodes) ?? new Map(nodes.map((one) => [String(one.id), one]));
  savedById.set(nodes, known);
  const saved = known.get(String(node.id));
  if (saved) Object.assign(saved, JSON.parse(JSON.stringify(changes)));
}

/** The saved nodes of a graph, which may be ten thousand, by id.
 * @type {WeakMap<any[], Map<string, any>>} */
const savedById = new WeakMap();

/** The graph of a node in the state that undo compares with. */
function graphOfUndo(node) {
  const state = workflowInFront()?.changeTracker?.activeState;
  const graphs = [state, ...(state?.definitions?.subgraphs ?? [])];
  return graphs.find((one) => one && one.id === node.graph?.id) ?? state;
}

/** The same for the sockets of a node, and for the links that other numbers of sockets move. */
export function keepSocketsOutOfUndo(node) {
  if (!node.graph) return;
  keepOutOfUndo(node, { inputs: node.serialize().inputs });
  for (const link of graphOfUndo(node)?.links ?? []) {
    // An array [id, from, slot, to, slot, type], in a subgraph an object.
    const now = node.graph.getLink?.(link.id ?? link[0]);
    if (!now || String(now.target_id) !== String(node.id)) continue;
    if (Array.isArray(link)) link[4] = now.target_slot;
    else link.target_slot = now.target_slot;
  }
}

// --- Nodes: widgets, badges, what is drawn -----------------------------------------------------

/** Whether nodes are drawn by Vue (Nodes 2.0) instead of on the canvas. */
export const drawnByVue = () => Boolean(liteGraph()?.vueNodesMode);

/** Sets an option of a widget for all that draws it. */
export function setOption(widget, name, value) {
  widget.options ??= {};
  // Vue watches the copy that it made, and sees no change if the original changed before.
  const watched = widget._state?.options;
  if (watched) watched[name] = value;
  widget.options[name] = value;
}

/** What an old frontend leaves between widgets, also for a hidden one unless it's this small. */
const GAP_PX = 4;

/** Hides a widget or shows it. Returns whether this changed anything. */
export function setHidden(widget, hidden) {
  // In frontend 1.58 a widget with a link also says that it is hidden; its options do not.
  if (Boolean(widget.options?.hidden) === hidden) return false;
  setOption(widget, "hidden", hidden);
  widget.hidden = hidden;
  if (hidden) widget.computeSize = () => [0, -GAP_PX];
  else delete widget.computeSize;
  return true;
}

/** Has Vue look at a node's widgets again if it watches none of their options: in App mode. */
export function refreshWidgets(node) {
  const isWatched = node.widgets?.some((widget) => widget._state?.options);
  if ((isWatched || !drawnByVue()) && !inAppMode()) return;
  const list = [...node.widgets];
  node.widgets = [];
  node.widgets = list;
}

let places = 0;

/**
 * Gives a node a place for elements below its inputs, which is saved with no workflow. `height` tells
 * how many pixels it needs. The returned function tells whether the node still has the place: a subgraph's
 * node of frontend 1.27 drops it when a workflow is loaded.
 * @param {HTMLElement} root
 * @param {() => number} height
 */
export function addPlace(node, root, height) {
  const margin = 6;
  // Vue knows widgets by id of the node, name and type: with its own type, this element is never
  // taken for that of an earlier node with the same id.
  const widget = node.addDOMWidget("venice", `venice-${++places}`, root, {
    serialize: false,
    hideOnZoom: false,
    hideInPanel: true,
    margin,
    getValue: () => "",
    setValue: () => {},
  });
  widget.serialize = false;
  // As high as its lines, in both renderers: what is left over belongs to the text boxes.
  widget.computeLayoutSize = undefined;
  widget.computeSize = (width) => [width, height() ? height() + 2 * margin : -GAP_PX];
  return () => node.widgets.includes(widget);
}

/** Removes the line of a run's progress that ComfyUI puts on a node; the status says the same. */
export function removeProgressText(node) {
  const at = node.widgets?.findIndex((one) => one.name === "$$node-text-preview") ?? -1;
  if (at < 0) return;
  node.widgets[at].onRemove?.();
  node.widgets.splice(at, 1);
}

/**
 * Adds a badge to a node; `read` tells what it says.
 * @param {() => {text: string, fgColor: string, bgColor: string}} read
 */
export function addBadge(node, read) {
  const Badge = /** @type {any} */ (window).LGraphBadge;
  if (!Badge || !node.badges) return;
  node.badges.push(() => {
    void app.extensionManager?.veniceBadges; // Vue draws a badge again if what it read has changed.
    return new Badge(read());
  });
}

/** Has all badges drawn again. */
export function refreshBadges() {
  if (app.extensionManager) {
    app.extensionManager.veniceBadges = (app.extensionManager.veniceBadges ?? 0) + 1;
  }
  redraw();
}

/** Draws the canvas again. */
export const redraw = () => app.canvas?.setDirty(true, true);

/** The same, and a moment later again: a node's widgets get their places after its wires are drawn. */
export function redrawWires() {
  redraw();
  requestAnimationFrame(() => requestAnimationFrame(redraw));
}

/** Adds entries to the menus of nodes in a frontend that asks extensions for none. */
export function addMenuTo(nodeType, entriesOf) {
  if (app.collectNodeMenuItems) return;
  const before = nodeType.prototype.getExtraMenuOptions;
  nodeType.prototype.getExtraMenuOptions = function (canvas, options) {
    const result = before?.call(this, canvas, options);
    options.push(...entriesOf(this));
    return result;
  };
}

/** Has the node search show a node before others that match as well, by its use: ComfyUI sorts those by
 * how often nodes are used, and knows no numbers for ours. Its own begin at 0.39. */
export function rankInSearch(definition, use) {
  definition.postProcessSearchScores = ([match, ...rest]) => [match, -use, ...rest];
}

// --- The canvas --------------------------------------------------------------------------------

/** What is seen of the graph: [x, y, width, height]. */
export const view = () => app.canvas.ds.visible_area ?? [0, 0, 800, 600];
export const centerOn = (node) => app.canvas.centerOnNode?.(node);
export const select = (node) => app.canvas.selectNode?.(node);
export const selectedNodes = () => Object.values(app.canvas.selected_nodes ?? {});

/** Calls a widget's callback as a person's change does. */
export const callBack = (node, widget) => widget.callback?.(widget.value, app.canvas, node);

/**
 * Calls `dropped` with what of this type is dropped on the graph: the data, the node there or null,
 * and the place. ComfyUI's own handler would take an image for a workflow.
 * @param {string} type
 * @param {(data: string, node: any, place: [number, number]) => unknown} dropped
 */
export function watchDrops(type, dropped) {
  const isOurs = (/** @type {DragEvent} */ { dataTransfer, target }) =>
    dataTransfer?.types.includes(type) &&
    (target === app.canvas.canvas ||
      /** @type {HTMLElement} */ (target).closest?.("[data-node-id], .dom-widget"));
  const listen = (name, heard) =>
    window.addEventListener(
      name,
      (/** @type {any} */ event) => {
        if (!isOurs(event)) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        heard(event);
      },
      true,
    );
  listen("dragover", (event) => {
    event.dataTransfer.dropEffect = "copy";
  });
  listen("drop", async (event) => {
    const [x, y] = app.canvas.convertEventToCanvasOffset(event);
    const node = graphInView().getNodeOnPos(x, y);
    try {
      await dropped(event.dataTransfer.getData(type), node ?? null, [x, y]);
    } catch (error) {
      toast("error", "Venice", error instanceof Error ? error.message : String(error));
    }
  });
}

// --- The page around the graph -----------------------------------------------------------------

export const registerTab = (tab) => app.extensionManager.registerSidebarTab(tab);

/** @param {string} id */
export function openTab(id) {
  const tabs = app.extensionManager.sidebarTab;
  if (tabs?.activeSidebarTabId !== id) tabs?.toggleSidebarTab?.(id);
}

/** @param {HTMLElement} element to be seen beside the Run button */
export function placeBesideRun(element) {
  const settings = app.menu?.settingsGroup?.element;
  if (settings) settings.before(element);
  else app.menu?.element?.append(element);
}

const RUN_IN_APP = '[data-testid="linear-run-button"]';
const INPUT_IN_APP = '[data-testid="app-mode-widget-item"]';
const NODE_WIDGETS = '[data-testid="node-widgets"]';

/** Whether App mode shows the inputs, which is drawn by Vue in either renderer. */
export const inAppMode = () => document.querySelector(INPUT_IN_APP) !== null;

/** Puts elements around the Run button of App mode, which has no nodes to show them on. */
export function placeInApp(before, after) {
  const run = document.querySelector(RUN_IN_APP);
  if (!run) return;
  if (run.previousSibling !== before) run.before(before);
  if (run.nextSibling !== after) run.after(after);
}

/** At least five lines for the prompt in Vue, which draws its own text box; and App mode leaves
 * the caption of an input that is hidden. */
export const STYLE = `
  ${NODE_WIDGETS}:has(.venice-panel-place) textarea { min-height: 104px; }
  ${INPUT_IN_APP}:has(${NODE_WIDGETS}:empty) { display: none; }
`;

const ENTRIES = ["[role=option]", "[role=button]", "button"].map((one) => `[role=dialog] ${one}`);
const WAIT_MS = 3_000;

/** Opens ComfyUI's settings at an entry of their list. */
export async function openSettingsAt(name) {
  await execute("Comfy.ShowSettingsDialog");
  const deadline = performance.now() + WAIT_MS;
  const find = () =>
    [...document.querySelectorAll(ENTRIES.join())].find((one) => one.textContent?.trim() === name);
  while (!find() && performance.now() < deadline) await new Promise((done) => setTimeout(done, 50));
  /** @type {HTMLElement | undefined} */ (find())?.click();
}
