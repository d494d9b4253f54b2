// @ts-check
/** What the page shows in the user's language: `main.json` of our locales, under `venice`. */

import { fetchRoute, language } from "./comfy.js";
import { translator } from "./server_texts.js";

const TIMEOUT_MS = 3_000;

/** The translations by their English text. @type {Record<string, string>} */
let texts = {};
let translate = translator(texts);

/** Loads the language that ComfyUI shows. Without an answer, the page stays English. */
export async function loadTexts() {
  try {
    const response = await fetchRoute("/i18n", { signal: AbortSignal.timeout(TIMEOUT_MS) });
    texts = (await response.json())[language()]?.venice ?? {};
  } catch {
    texts = {};
  }
  translate = translator(texts);
}

/**
 * A text of the server in the user's language, as far as scripts/server_texts.py lists it.
 * @param {string | undefined} english
 */
export const said = (english) => translate(english ?? "");

/**
 * A text in the user's language. scripts/locales.py collects the English from each call, so write
 * it as one literal; `{name}` stands for a value.
 * @param {string} english
 * @param {Record<string, string | number | null>} values
 */
export const t = (english, values = {}) =>
  (texts[english] ?? english).replace(/\{(\w+)\}/g, (whole, name) => `${values[name] ?? whole}`);
