// @ts-check
/** Register the extension. Importing any other module does nothing. */

import {
  addMenuTo,
  onReconnect,
  onRunEnd,
  placeInApp,
  rankInSearch,
  register,
  registerTab,
  STYLE,
  watchLoads,
  watchRuns,
} from "./comfy.js";
import { element } from "./elements.js";
import { allNodes, isOurs } from "./graph.js";
import {
  aboutPageBadges,
  commands,
  menuCommands,
  nodeMenuItems,
  USE,
  watchAbout,
} from "./menus.js";
import { fitNew, panelOf } from "./panel.js";
import { addPrice, requestPreview, watchPrices } from "./preview.js";
import { mayQueue, press } from "./question.js";
import { watchResultDrops } from "./results.js";
import { addSeedButtons } from "./seed.js";
import { account, models } from "./server.js";
import { settings } from "./settings.js";
import { openSidebar, refreshSidebar, tab } from "./sidebar.js";
import { appStatus, rememberRun, restoreStatus, watchStatus } from "./status.js";
import { loadTexts } from "./texts.js";
import { appTotal, placeTotal } from "./total.js";
import { onLook, watchGraph } from "./watch.js";
import { applyAll, followModel, settleSockets, watchModels } from "./widgets.js";

const STYLE_SHEET = new URL("./venice.css", import.meta.url).href;

/** As wide as our longest title. A node from a file keeps its own width. */
const TITLE_WIDTH = 260;

/** A run makes its images free and the balance smaller. */
function watchEnds() {
  for (const watch of [onRunEnd, onReconnect]) {
    watch(() => {
      requestPreview();
      refreshSidebar();
      void account.tryRefresh();
    });
  }
}

/** Update the nodes of a loaded graph. @param {boolean} isFile */
function settle(isFile) {
  restoreStatus(isFile);
  applyAll();
  settleSockets();
}

/** @param {GraphNode} node */
function prepare(node) {
  // Now, because Vue misses parts that a subgraph's node gets later.
  const isOuter = node.subgraph && [...allNodes(node.subgraph)].some(isOurs);
  if (!isOuter && !isOurs(node)) return;
  panelOf(node);
  addPrice(node);
  fitNew(node, TITLE_WIDTH);
  followModel(node);
  if (node.comfyClass === "VeniceSeed") addSeedButtons(node);
}

register({
  name: "Venice",
  settings,
  commands,
  menuCommands,
  aboutPageBadges,
  /** @param {object} nodeType @param {NodeDefinition} definition */
  beforeRegisterNodeDef(nodeType, definition) {
    addMenuTo(nodeType, nodeMenuItems);
    if (USE[definition.name]) rankInSearch(definition, USE[definition.name]);
  },
  getNodeMenuItems: nodeMenuItems,
  init: loadTexts,
  nodeCreated: prepare,
  afterConfigureGraph: requestPreview,
  setup() {
    // First: in a frontend that breaks the rest, no run goes without the question.
    watchRuns({ press, mayQueue, starts: rememberRun });
    document.head.append(
      element("link", { rel: "stylesheet", href: STYLE_SHEET }),
      element("style", { text: STYLE }),
    );
    placeTotal(openSidebar);
    watchModels();
    watchAbout();
    watchStatus();
    watchLoads(settle);
    watchEnds();
    watchPrices();
    watchResultDrops();
    onLook(() => placeInApp(appTotal, appStatus));
    watchGraph();
    account.listen(requestPreview);
    models.listen(requestPreview);
    registerTab(tab);
    void account.tryRefresh();
    void models.tryRefresh();
  },
});
