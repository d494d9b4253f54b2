// @ts-check
/** The page's own texts in the user's language: `main.json` of our locales, under `venice`. */

import { fetchRoute, language } from "./comfy.js";

const TIMEOUT_MS = 3_000;

/** The translations by their English text. @type {Record<string, string>} */
let texts = {};

/** Loads the language that ComfyUI shows. Without an answer, the page stays English. */
export async function loadTexts() {
  try {
    const response = await fetchRoute("/i18n", { signal: AbortSignal.timeout(TIMEOUT_MS) });
    texts = (await response.json())[language()]?.venice ?? {};
  } catch {
    texts = {};
  }
}

/**
 * A text in the user's language. scripts/locales.py collects the English from each call, so write
 * it as one literal; `{name}` stands for a value.
 * @param {string} english
 * @param {Record<string, string | number | null>} values
 */
export const t = (english, values = {}) =>
  (texts[english] ?? english).replace(/\{(\w+)\}/g, (whole, name) => `${values[name] ?? whole}`);
