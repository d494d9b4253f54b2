// @ts-check
/**
 * Everything that touches ComfyUI's frontend: a structure test keeps its scripts, functions, stores
 * and elements out of the other modules. The graph's objects (nodes, widgets, inputs) are in all.
 */

import { api as typedApi } from "../../scripts/api.js";
import { app as typedApp } from "../../scripts/app.js";

const api = /** @type {any} */ (typedApi);
const app = /** @type {any} */ (typedApp);
const liteGraph = () => /** @type {any} */ (window).LiteGraph;

export const register = (/** @type {object} */ extension) => app.registerExtension(extension);

/** The page's language, such as "en". */
export const language = () => String(app.extensionManager.setting.get("Comfy.Locale"));

const execute = (/** @type {string} */ command) => app.extensionManager.command.execute(command);

/** Show a message for 15 seconds.
 * @type {(severity: "info" | "success" | "error", summary: string, detail?: string) => void} */
export const toast = (severity, summary, detail = "") =>
  app.extensionManager.toast.add({ severity, summary, detail, life: 15_000 });

/** Ask before a deletion. @type {(title: string, message: string) => Promise<boolean>} */
export const confirmDelete = async (title, message) =>
  (await app.extensionManager.dialog.confirm({ title, message, type: "delete" })) === true;

/** The browser's `fetch`, with the address and user of this page.
 * @type {(path: string, options: RequestInit) => Promise<Response>} */
export const fetchRoute = (path, options) => api.fetchApi(path, options);
export const routeUrl = (/** @type {string} */ path) => api.apiURL(path);

/** Call `heard` with each message of this name on the page's socket.
 * @type {(name: string, heard: (detail: any) => void) => void} */
export const onMessage = (name, heard) =>
  api.addEventListener(name, (/** @type {any} */ event) => heard(event.detail));

/** Call `heard` at the end of each run, however it ends.
 * @type {(heard: (end: {prompt_id: string}) => void) => void} */
export function onRunEnd(heard) {
  for (const end of ["execution_success", "execution_error", "execution_interrupted"])
    onMessage(end, heard);
}

/** Call `heard` when the page's socket is open again: it missed the messages until then.
 * @type {(heard: () => void) => void} */
export const onReconnect = (heard) => onMessage("reconnected", heard);

// --- The graph ---------------------------------------------------------------------------------

/** The outermost graph of the workflow in front; null before there is one.
 * @type {() => Graph | null} */
export const rootGraph = () => app.graph?.rootGraph ?? null;

/** The graph in view: the open subgraph's, or the outermost. @type {() => Graph} */
export const graphInView = () => app.canvas?.graph;

/** The workflow in front, one object per tab; null before there is one. */
export const workflowInFront = () => app.extensionManager?.workflow?.activeWorkflow ?? null;

/** The graph as ComfyUI would send it now. @type {() => Promise<Prompt>} */
export const makePrompt = async () => (await app.graphToPrompt()).output;

/** Whether ComfyUI changes seeds before each run, not after it. @type {() => boolean} */
export const changesSeedsFirst = () =>
  app.extensionManager.setting.get("Comfy.WidgetControlMode") === "before";

/** @type {(type: string) => GraphNode | null} */
export const createNode = (type) => liteGraph().createNode(type);

/** The pixels of a node's title above its `pos`. @type {() => number} */
export const titleHeight = () => liteGraph().NODE_TITLE_HEIGHT;

/** Remove the images of a deleted node with the same id: ComfyUI would show them on the new one.
 * @param {GraphNode} node */
export function forgetOutputs(node) {
  if (node.graph === rootGraph()) delete app.nodeOutputs?.[node.id];
}

/** The widgets that a subgraph's node shows.
 * @param {GraphNode} host @returns {Generator<PromotedWidget>} */
export function* promotedWidgets(host) {
  for (const input of host.inputs ?? []) {
    const outer = host.widgets?.find((widget) => widget.name === input.widget?.name);
    if (!outer) continue;
    const inner = [...insideOf(host, input.name)];
    // In frontend 1.27, the outer widget shares the options of the inner one.
    const isShared = inner.some(({ node }) =>
      node.widgets?.some((w) => w.options === outer.options),
    );
    if (isShared) outer.options = { ...outer.options };
    yield { outer, inner };
  }
}

/** @param {GraphNode} host @param {string} name @returns {Generator<{node: GraphNode, name: string}>} */
function* insideOf({ subgraph }, name) {
  const boundary = subgraph?.inputs.find((input) => input.name === name);
  for (const id of boundary?.linkIds ?? []) {
    const link = subgraph?.getLink(id);
    const node = link && subgraph?.getNodeById(link.target_id);
    const input = link && node?.inputs?.[link.target_slot];
    if (!node || !input) continue;
    if (node.subgraph) yield* insideOf(node, input.name);
    else if (input.widget) yield { node, name: input.widget.name };
  }
}

// --- Runs and loads ----------------------------------------------------------------------------

/**
 * Hand each press of Run to `press` with what queues it, and each prompt before it's sent to
 * `mayQueue`. `starts` gets the prompt; the function it returns gets the job's id.
 * @param {{
 *   press: (runs: number, targets: unknown[] | undefined, queue: () => Promise<boolean>) =>
 *     Promise<boolean>,
 *   mayQueue: (prompt: Prompt, targets: unknown[] | undefined) => Promise<boolean>,
 *   starts: (prompt: Prompt) => (id: string) => void,
 * }} listener
 */
export function watchRuns({ press, mayQueue, starts }) {
  const run = app.queuePrompt;
  app.queuePrompt = async function (/** @type {any[]} */ ...given) {
    const [, runs = 1, options] = given;
    const targets = Array.isArray(options) ? options : options?.queueNodeIds;
    const count = Math.max(1, Math.ceil(Number(runs)) || 1); // The old menu passes text.
    return press(count, targets, () => run.apply(this, given));
  };
  const queue = api.queuePrompt;
  api.queuePrompt = async function (/** @type {any[]} */ ...given) {
    const [, data, options] = given;
    const prompt = data?.output ?? {};
    const accepted = starts(prompt); // Now, since the user may go to another workflow.
    if (!(await mayQueue(prompt, options?.partialExecutionTargets))) return {}; // It made no job.
    const answer = await queue.apply(this, given);
    if (answer?.prompt_id) accepted(answer.prompt_id);
    return answer;
  };
}

/** Queue the graph, like Run. */
export const pressRun = () => app.queuePrompt(0, 1);

/** Call `loaded` after each graph that the page loads (a tab, undo, a file): only then is its
 * workflow in front. `isFile` also for a file that was already open.
 * @param {(isFile: boolean) => void} loaded */
export function watchLoads(loaded) {
  const load = app.loadGraphData;
  app.loadGraphData = async function (/** @type {any[]} */ ...given) {
    const result = await load.apply(this, given);
    loaded(typeof given[3] === "string"); // For a tab it's the workflow itself.
    return result;
  };
}

/** Open a workflow in a new tab, like a dropped file.
 * @type {(workflow: object, name: string) => Promise<void>} */
export const openWorkflow = (workflow, name) =>
  app.handleFile(
    new File([JSON.stringify(workflow)], `${name}.json`, { type: "application/json" }),
  );

/** Reload the lists of all nodes. */
export const refreshCombos = () => app.refreshComboInNodes();

// --- Undo --------------------------------------------------------------------------------------

/** Make one undo step of the changes, like the page after a click. */
export function rememberChange() {
  const tracker = workflowInFront()?.changeTracker;
  if (tracker?.captureCanvasState) tracker.captureCanvasState();
  else tracker?.checkState?.();
}

/** Write the page's own changes of a node into the state that undo compares with: else they'd be
 * an undo step, and redo would be lost.
 * @param {GraphNode} node @param {Record<string, any>} changes */
export function keepOutOfUndo(node, changes) {
  const nodes = graphOfUndo(node)?.nodes;
  if (!nodes) return;
  if (!savedById.has(nodes)) savedById.set(nodes, byId(nodes));
  const saved = savedById.get(nodes)?.get(String(node.id));
  if (saved) Object.assign(saved, JSON.parse(JSON.stringify(changes)));
}

/** The saved nodes of a graph by id: there may be ten thousand.
 * @type {WeakMap<any[], Map<string, any>>} */
const savedById = new WeakMap();

const byId = (/** @type {any[]} */ nodes) => new Map(nodes.map((node) => [String(node.id), node]));

/** The graph of a node in the state that undo compares with. @param {GraphNode} node */
function graphOfUndo(node) {
  const state = workflowInFront()?.changeTracker?.activeState;
  const graphs = [state, ...(state?.definitions?.subgraphs ?? [])];
  return graphs.find((one) => one && one.id === node.graph?.id) ?? state;
}

/** Keep a node's sockets out of undo, and its links: their numbers change with the sockets.
 * @param {GraphNode} node */
export function keepSocketsOutOfUndo(node) {
  if (!node.graph) return;
  keepOutOfUndo(node, { inputs: node.serialize().inputs });
  for (const link of graphOfUndo(node)?.links ?? []) {
    // An array [id, from, slot, to, slot, type], in a subgraph an object.
    const now = node.graph.getLink(link.id ?? link[0]);
    if (!now || String(now.target_id) !== String(node.id)) continue;
    if (Array.isArray(link)) link[4] = now.target_slot;
    else link.target_slot = now.target_slot;
  }
}

// --- Nodes: widgets, badges, what is drawn -----------------------------------------------------

/** Whether Vue draws the nodes (Nodes 2.0), not the canvas. */
export const drawnByVue = () => Boolean(liteGraph()?.vueNodesMode);

/** @param {Widget} widget @param {WidgetOptions} changes */
export function setOptions(widget, changes) {
  widget.options ??= {};
  // Vue watches its copy, and misses the change if the original changes first.
  if (widget._state?.options) Object.assign(widget._state.options, changes);
  Object.assign(widget.options, changes);
}

/** The gap after a widget in frontend 1.27. A hidden widget must take it back. */
const GAP_PX = 4;

/** Hide or show a widget. Return whether that's a change. @param {Widget} widget @param {boolean} hidden */
export function setHidden(widget, hidden) {
  // Its options, because frontend 1.58 also marks linked widgets as hidden.
  if (Boolean(widget.options?.hidden) === hidden) return false;
  setOptions(widget, { hidden });
  widget.hidden = hidden;
  if (hidden) widget.computeSize = () => [0, -GAP_PX];
  else delete widget.computeSize;
  return true;
}

/** Make Vue read a node's widgets again where it doesn't watch their options, as in App mode.
 * @param {GraphNode} node */
export function refreshWidgets(node) {
  const isWatched = node.widgets?.some((widget) => widget._state?.options);
  if ((isWatched || !drawnByVue()) && !inAppMode()) return;
  const list = [...(node.widgets ?? [])];
  node.widgets = [];
  node.widgets = list;
}

let places = 0;

/**
 * Add a place for elements below a node's inputs; workflows don't save it. Return whether the node
 * still has it: in frontend 1.27, a subgraph's node drops it when a workflow loads.
 * @param {GraphNode} node @param {HTMLElement} root @param {() => number} height in pixels
 * @returns {() => boolean}
 */
export function addPlace(node, root, height) {
  const margin = 6;
  // Vue finds widgets by node id, name and type. A type per widget keeps it from showing the element
  // of an earlier node with the same id.
  const widget = /** @type {any} */ (node).addDOMWidget("venice", `venice-${++places}`, root, {
    serialize: false,
    hideOnZoom: false,
    hideInPanel: true,
    margin,
    getValue: () => "",
    setValue: () => {},
  });
  widget.serialize = false;
  // As high as its lines, so that text boxes get the rest.
  widget.computeLayoutSize = undefined;
  widget.computeSize = (/** @type {number} */ width) => [
    width,
    height() ? height() + 2 * margin : -GAP_PX,
  ];
  return () => Boolean(node.widgets?.includes(widget));
}

/** Remove ComfyUI's line with a run's progress: the status says the same. @param {GraphNode} node */
export function removeProgressText({ widgets = [] }) {
  const at = widgets.findIndex((one) => one.name === "$$node-text-preview");
  if (at < 0) return;
  widgets[at].onRemove?.();
  widgets.splice(at, 1);
}

/** Add a badge to a node.
 * @param {GraphNode} node @param {() => {text: string, fgColor: string, bgColor: string}} read */
export function addBadge(node, read) {
  const Badge = /** @type {any} */ (window).LGraphBadge;
  if (!Badge || !node.badges) return;
  node.badges.push(() => {
    void app.extensionManager?.veniceBadges; // Vue redraws a badge if a value it read changes.
    return new Badge(read());
  });
}

export function refreshBadges() {
  if (app.extensionManager) {
    app.extensionManager.veniceBadges = (app.extensionManager.veniceBadges ?? 0) + 1;
  }
  redraw();
}

export const redraw = () => app.canvas?.setDirty(true, true);

/** Redraw now and a moment later: widgets move after their wires are drawn. */
export function redrawWires() {
  redraw();
  requestAnimationFrame(() => requestAnimationFrame(redraw));
}

/** Add entries to the menus of nodes in frontend 1.27, which asks no extension for them.
 * @param {any} nodeType @param {(node: GraphNode) => object[]} entriesOf */
export function addMenuTo(nodeType, entriesOf) {
  if (app.collectNodeMenuItems) return;
  const before = nodeType.prototype.getExtraMenuOptions;
  nodeType.prototype.getExtraMenuOptions = function (/** @type {any[]} */ ...given) {
    const result = before?.apply(this, given);
    given[1].push(...entriesOf(this));
    return result;
  };
}

/** Rank a node before others that match a search as well: ComfyUI sorts those by how often people use
 * them (its own from 0.39), and doesn't know that of ours.
 * @param {NodeDefinition} definition @param {number} use */
export function rankInSearch(definition, use) {
  definition.postProcessSearchScores = ([match, ...rest]) => [match, -use, ...rest];
}

// --- The canvas --------------------------------------------------------------------------------

/** The visible part of the graph: x, y, width, height. @type {() => number[]} */
export const view = () => app.canvas.ds.visible_area ?? [0, 0, 800, 600];
export const centerOn = (/** @type {GraphNode} */ node) => app.canvas.centerOnNode(node);
export const select = (/** @type {GraphNode} */ node) => app.canvas.selectNode(node);
/** @type {() => GraphNode[]} */
export const selectedNodes = () => Object.values(app.canvas.selected_nodes ?? {});

/** Call a widget's callback, as after a change by hand. @type {(node: GraphNode, widget: Widget) => void} */
export const callBack = (node, widget) => widget.callback?.(widget.value, app.canvas, node);

/** Take drops of this type on the graph before ComfyUI, which would look for a workflow in an image.
 * @param {string} type
 * @param {(data: string, node: GraphNode | null, place: Point) => unknown} dropped */
export function watchDrops(type, dropped) {
  const isOurs = (/** @type {DragEvent} */ { dataTransfer, target }) =>
    dataTransfer?.types.includes(type) &&
    (target === app.canvas.canvas ||
      /** @type {HTMLElement} */ (target).closest?.("[data-node-id], .dom-widget"));
  /** @type {(name: string, heard: (event: any) => void) => void} */
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

export const registerTab = (/** @type {object} */ tab) =>
  app.extensionManager.registerSidebarTab(tab);

/** @param {string} id */
export function openTab(id) {
  const tabs = app.extensionManager.sidebarTab;
  if (tabs?.activeSidebarTabId !== id) tabs?.toggleSidebarTab?.(id);
}

/** @param {HTMLElement} element */
export const placeBesideRun = (element) => app.menu?.settingsGroup?.element?.before(element);

const RUN_IN_APP = '[data-testid="linear-run-button"]';
const INPUT_IN_APP = '[data-testid="app-mode-widget-item"]';
const NODE_WIDGETS = '[data-testid="node-widgets"]';

/** Whether App mode shows the inputs; Vue draws it in either renderer. */
const inAppMode = () => document.querySelector(INPUT_IN_APP) !== null;

/** Put elements around the Run button of App mode, which shows no nodes.
 * @param {HTMLElement} before @param {HTMLElement} after */
export function placeInApp(before, after) {
  const run = document.querySelector(RUN_IN_APP);
  if (!run) return;
  if (run.previousSibling !== before) run.before(before);
  if (run.nextSibling !== after) run.after(after);
}

/** At least five lines for the prompt in Vue's own text box; no caption of a hidden input in App mode. */
export const STYLE = `
  ${NODE_WIDGETS}:has(.venice-panel-place) textarea { min-height: 104px; }
  ${INPUT_IN_APP}:has(${NODE_WIDGETS}:empty) { display: none; }
`;

const ENTRIES = ["[role=option]", "[role=button]", "button"].map((one) => `[role=dialog] ${one}`);
const WAIT_MS = 3_000;

/** Open ComfyUI's settings at an entry of their list. @param {string} name */
export async function openSettingsAt(name) {
  await execute("Comfy.ShowSettingsDialog");
  const deadline = performance.now() + WAIT_MS;
  const find = () =>
    [...document.querySelectorAll(ENTRIES.join())].find((one) => one.textContent?.trim() === name);
  while (!find() && performance.now() < deadline) await new Promise((done) => setTimeout(done, 50));
  /** @type {HTMLElement | undefined} */ (find())?.click();
}
