// @ts-check
/** The menu of nodes with an image, the commands and their menu, the badges of About. */

import { refreshCombos, rememberChange, select, toast } from "./comfy.js";
import { messageOf, webAddress } from "./elements.js";
import { addNode, isOurs, placeBehind, sourceOfSlot } from "./graph.js";
import { account, models, post } from "./server.js";
import { openSettings } from "./settings.js";
import { openSidebar } from "./sidebar.js";
import { t } from "./texts.js";

/** The nodes that the search ranks first. @type {Record<string, number>} */
export const USE = { VeniceGenerateImage: 0.03, VeniceEditImage: 0.02, VeniceStylePreset: 0.01 };

const ADDS = [
  ["Upscale", "VeniceUpscaleImage"],
  ["Edit", "VeniceEditImage"],
  ["Remove background", "VeniceRemoveBackground"],
];

/** The entry "Venice" in the menu of a node with an image. @param {GraphNode} node */
export function nodeMenuItems(node) {
  const source = imageOf(node);
  if (!source) return [];
  const options = ADDS.map(([content, type]) => ({
    content,
    callback: () => addBehind(node, source, type),
  }));
  return [{ content: "Venice", has_submenu: true, submenu: { options } }];
}

/** A node's image output; for a node that only shows an image, the one linked to it.
 * @param {GraphNode} node */
function imageOf(node) {
  const isImage = (/** @type {Slot} */ slot) => slot.type === "IMAGE";
  const output = node.outputs?.findIndex(isImage) ?? -1;
  if (output >= 0) return { node, slot: output };
  const input = node.inputs?.findIndex(isImage) ?? -1;
  return input < 0 || isOurs(node) ? null : sourceOfSlot(node, input);
}

/** @param {GraphNode} beside @param {{node: GraphNode, slot: number}} source @param {string} type */
function addBehind(beside, source, type) {
  const added = addNode(type, placeBehind(beside));
  const input = added.inputs.findIndex((slot) => slot.name === "image");
  source.node.connect(source.slot, added, input);
  select(added);
  rememberChange();
}

async function refreshLists() {
  try {
    await post("lists/refresh", {}, 60_000);
    await models.refresh();
    await refreshCombos();
    toast("success", "Venice", t("Models and styles updated."));
  } catch (error) {
    toast("error", t("Can't refresh models and styles"), messageOf(error));
  }
}

export const commands = [
  {
    id: "Venice.OpenSidebar",
    label: "Open the Venice sidebar",
    icon: "pi pi-palette",
    function: openSidebar,
  },
  {
    id: "Venice.OpenSettings",
    label: "Open Venice settings",
    icon: "pi pi-cog",
    function: openSettings,
  },
  {
    id: "Venice.RefreshLists",
    label: "Refresh Venice models and styles",
    icon: "pi pi-refresh",
    function: refreshLists,
  },
];

export const menuCommands = [
  { path: ["Extensions", "Venice"], commands: commands.map(({ id }) => id) },
];

/** ComfyUI reads these once; `watchAbout` fills them in later. */
export const aboutPageBadges = [
  { label: "Venice", url: "", icon: "pi pi-palette" },
  { label: "Report a Venice issue", url: "", icon: "pi pi-github" },
];

export function watchAbout() {
  account.listen(({ version, project_url, issues_url }) => {
    const [project, issues] = aboutPageBadges;
    project.label = `Venice ${version}`;
    project.url = webAddress(project_url);
    issues.label = t("Report a Venice issue");
    issues.url = webAddress(issues_url);
  });
}
