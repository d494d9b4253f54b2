// @ts-check
/** Registers the extension. The other modules only say what they do; nothing happens on import. */

import {
  addMenuTo,
  onMessage,
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
import { mayQueue, mayRun } from "./question.js";
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

/** Room for the longest title of ours, which a node of a file keeps no wider than it was. */
const TITLE_WIDTH = 260;

/** After a run its images are free, and there is less money. */
function watchEnds() {
  for (const end of ["execution_success", "execution_error", "execution_interrupted"]) {
    onMessage(end, () => {
      requestPreview();
      refreshSidebar();
      void account.tryRefresh();
    });
  }
}

/** After each graph that the page loads. */
function settle(isFile) {
  restoreStatus(isFile);
  applyAll();
  settleSockets();
}

function prepare(node) {
  // Vue sees what a subgraph's outer node has when it is made, and nothing that comes later.
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
  beforeRegisterNodeDef(nodeType, definition) {
    addMenuTo(nodeType, nodeMenuItems);
    if (USE[definition.name]) rankInSearch(definition, USE[definition.name]);
  },
  getNodeMenuItems: nodeMenuItems,
  init: loadTexts,
  nodeCreated: prepare,
  afterConfigureGraph: requestPreview,
  setup() {
    document.head.append(
      element("link", { rel: "stylesheet", href: STYLE_SHEET }),
      element("style", { text: STYLE }),
    );
    placeTotal(openSidebar);
    watchModels();
    watchAbout();
    watchRuns({ mayRun, mayQueue, starts: rememberRun });
    watchStatus();
    watchLoads(settle);
    watchEnds();
    watchPrices();
    watchResultDrops();
    onLook(() => placeInApp(appTotal, appStatus));
    watchGraph();
    account.listen(requestPreview);
    registerTab(tab);
    void account.tryRefresh();
    void models.tryRefresh();
  },
});
