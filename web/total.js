// @ts-check
/** The sum beside the Run button: the estimated cost of a run. */

import { placeBesideRun } from "./comfy.js";
import { element } from "./elements.js";
import { levelOf, onPreview, preview } from "./preview.js";
import { said, t } from "./texts.js";

const total = element("button", { type: "button", class: "venice-total", hidden: true });

/** The sum in App mode, which shows no nodes. */
export const appTotal = element("div", { class: "venice-total", hidden: true });

/** @param {() => unknown} open called on a click */
export function placeTotal(open) {
  onPreview(showTotal);
  total.onclick = open;
  placeBesideRun(total);
}

function showTotal() {
  const sum = preview.total;
  const text = said(sum?.badge);
  for (const place of [total, appTotal]) {
    place.textContent = text;
    place.className = `venice-total venice-${levelOf(sum)}`;
    place.hidden = !text;
  }
  total.title = [
    said(sum?.hint),
    t("Estimated cost of this run. Click to open the Venice sidebar."),
  ]
    .filter(Boolean)
    .join("\n");
}
