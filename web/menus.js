// @ts-check
/** The menu of a node with a picture, the commands, the menu of the bar, and the badges of About. */

import { app } from "../../scripts/app.js";
import { notify, notifyError, webAddress } from "./elements.js";
import { addNode, isOurs, placeBehind, rememberChange, sourceOfSlot } from "./graph.js";
import { account, models, post } from "./server.js";
import { openSettings } from "./settings.js";
import { openSidebar } from "./sidebar.js";

const ADDS = [
  ["Upscale", "VeniceUpscaleImage"],
  ["Edit", "VeniceEditImage"],
  ["Remove background", "VeniceRemoveBackground"],
];

/**
 * The entry "Venice" of a node's menu; none where the node has no picture.
 * @param {any} node
 * @returns {any[]}
 */
export function nodeMenuItems(node) {
  const source = pictureOf(node);
  if (!source) return [];
  const options = ADDS.map(([content, type]) => ({
    content,
    callback: () => addBehind(node, source, type),
  }));
  return [{ content: "Venice", has_submenu: true, submenu: { options } }];
}

/**
 * The output that a node's picture comes from: its own, or, of a node that only shows it, the one
 * before.
 * @param {any} node
 * @returns {{node: any, slot: number} | null}
 */
function pictureOf(node) {
  const isImage = (/** @type {any} */ slot) => slot.type === "IMAGE";
  const output = node.outputs?.findIndex(isImage) ?? -1;
  if (output >= 0) return { node, slot: output };
  const input = node.inputs?.findIndex(isImage) ?? -1;
  return input < 0 || isOurs(node) ? null : sourceOfSlot(node, input);
}

/**
 * @param {any} beside
 * @param {{node: any, slot: number}} source
 * @param {string} type
 */
function addBehind(beside, source, type) {
  const added = addNode(type, placeBehind(beside));
  const input = added.inputs.findIndex((/** @type {any} */ slot) => slot.name === "image");
  source.node.connect(source.slot, added, input);
  /** @type {any} */ (app.canvas).selectNode?.(added);
  rememberChange();
}

/** For a frontend that asks extensions for no entries of a node's menu.
 * @param {any} nodeType */
export function addMenuTo(nodeType) {
  if (/** @type {any} */ (app).collectNodeMenuItems) return;
  const before = nodeType.prototype.getExtraMenuOptions;
  nodeType.prototype.getExtraMenuOptions = function (
    /** @type {any} */ canvas,
    /** @type {any[]} */ options,
  ) {
    const result = before?.call(this, canvas, options);
    options.push(...nodeMenuItems(this));
    return result;
  };
}

async function refreshLists() {
  try {
    await post("lists/refresh", {}, 60_000);
    await models.refresh();
    await /** @type {any} */ (app).refreshComboInNodes?.();
    notify("info", "Venice", "The lists of models and styles are up to date.");
  } catch (error) {
    notifyError(error, "The lists could not be refreshed");
  }
}

export const commands = [
  {
    id: "Venice.OpenSidebar",
    label: "Open the Venice sidebar",
    icon: "pi pi-images",
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
    label: "Refresh the Venice lists of models and styles",
    icon: "pi pi-refresh",
    function: refreshLists,
  },
];

export const menuCommands = [
  { path: ["Extensions", "Venice"], commands: commands.map(({ id }) => id) },
];

/** The version, and where to report a fault: filled in when the server has said them. */
export const aboutPageBadges = [
  { label: "Venice", url: "", icon: "pi pi-images" },
  { label: "Venice: report a fault", url: "", icon: "pi pi-github" },
];

export function watchAbout() {
  account.listen(({ version, project_url, issues_url }) => {
    const [project, issues] = aboutPageBadges;
    project.label = `Venice ${version}`;
    project.url = webAddress(project_url);
    issues.url = webAddress(issues_url);
  });
}
