// @ts-check
/** What a whole run will cost: the sum by the Run button. */

import { app } from "../../scripts/app.js";
import { element } from "./elements.js";
import { levelOf, onPreview, preview } from "./preview.js";

const TITLE = "Estimated cost of this run. Click to open Venice.";
const total = element("button", { type: "button", class: "venice-total" });

/**
 * The sum by the Run button; `open` is what a click on it does.
 * @param {() => unknown} open
 */
export function placeTotal(open) {
  onPreview(showTotal);
  total.onclick = open;
  const menu = /** @type {any} */ (app).menu?.element;
  const settings = /** @type {any} */ (app).menu?.settingsGroup?.element;
  if (settings) settings.before(total);
  else menu?.append(total);
}

function showTotal() {
  const sum = preview.total;
  const text = sum?.badge ?? "";
  for (const place of [total, appTotal]) {
    place.textContent = text;
    place.className = `venice-total venice-${levelOf(sum)}`;
    place.hidden = !text;
  }
  total.title = [sum?.hint, TITLE].filter(Boolean).join("\n");
}

const appTotal = element("div", { class: "venice-total", hidden: true });

/** The same sum above the Run button of App mode, which has no nodes to show prices on. */
export function placeTotalInApp() {
  const run = document.querySelector('[data-testid="linear-run-button"]');
  if (run && run.previousSibling !== appTotal) run.before(appTotal);
}
