// @ts-check
/** The sum by the Run button: what a run of the whole workflow will cost. */

import { placeBesideRun } from "./comfy.js";
import { element } from "./elements.js";
import { levelOf, onPreview, preview } from "./preview.js";
import { said, t } from "./texts.js";

const total = element("button", { type: "button", class: "venice-total", hidden: true });

/** The same sum for App mode, which has no nodes to show prices on. */
export const appTotal = element("div", { class: "venice-total", hidden: true });

/** @param {() => unknown} open what a click on the sum does */
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
  total.title = [said(sum?.hint), t("Estimated cost of this run. Click to open Venice.")]
    .filter(Boolean)
    .join("\n");
}
