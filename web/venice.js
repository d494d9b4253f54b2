// @ts-check
/** Registers the extension. The other modules only say what they do; nothing happens on import. */

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";
import { addStyle } from "./elements.js";
import { allNodes, isOurs } from "./graph.js";
import {
  aboutPageBadges,
  addMenuTo,
  commands,
  menuCommands,
  nodeMenuItems,
  watchAbout,
} from "./menus.js";
import { panelOf } from "./panel.js";
import { addBadge, requestPreview, watchGraph } from "./preview.js";
import { watchRuns } from "./question.js";
import { rankInSearch } from "./search.js";
import { addSeedButtons } from "./seed.js";
import { account, models } from "./server.js";
import { settings } from "./settings.js";
import { openSidebar, refreshSidebar, tab } from "./sidebar.js";
import { placeStatusInApp, restoreStatus, watchStatus } from "./status.js";
import { loadTexts } from "./texts.js";
import { placeTotal, placeTotalInApp } from "./total.js";
import { followModel, settleSockets, watchModels } from "./widgets.js";

const APP_MODE_MS = 500;

/** After a run its pictures are free, and there is less money. */
function watchEnds() {
  for (const end of ["execution_success", "execution_error", "execution_interrupted"]) {
    api.addEventListener(/** @type {any} */ (end), () => {
      requestPreview();
      refreshSidebar();
      void account.tryRefresh();
    });
  }
}

/** Acts after each graph that the page loads: a tab, undo, a file. */
function watchLoads() {
  const load = app.loadGraphData;
  app.loadGraphData = async function (/** @type {any[]} */ ...given) {
    const loaded = await load.apply(this, /** @type {any} */ (given));
    // Only now is the workflow in front the one that was loaded.
    restoreStatus();
    settleSockets();
    return loaded;
  };
}

/** @param {any} node */
function prepare(node) {
  // Vue sees what a subgraph's outer node has when it is made, and nothing that comes later.
  if (node.subgraph && [...allNodes(node.subgraph)].some(isOurs)) panelOf(node);
  if (!isOurs(node)) return;
  panelOf(node);
  addBadge(node);
  followModel(node);
  if (node.comfyClass === "VeniceSeed") addSeedButtons(node);
}

app.registerExtension(
  /** @type {any} */ ({
    name: "Venice",
    settings,
    commands,
    menuCommands,
    aboutPageBadges,
    beforeRegisterNodeDef(/** @type {any} */ nodeType, /** @type {any} */ definition) {
      addMenuTo(nodeType);
      rankInSearch(definition);
    },
    getNodeMenuItems: nodeMenuItems,
    init: loadTexts,
    nodeCreated: prepare,
    afterConfigureGraph: requestPreview,
    setup() {
      addStyle();
      placeTotal(openSidebar);
      watchModels();
      watchAbout();
      watchRuns();
      watchStatus();
      watchLoads();
      watchEnds();
      watchGraph();
      account.listen(requestPreview);
      app.extensionManager.registerSidebarTab(/** @type {any} */ (tab));
      setInterval(() => {
        placeTotalInApp();
        placeStatusInApp();
      }, APP_MODE_MS);
      void account.tryRefresh();
      void models.tryRefresh();
    },
  }),
);
