// @ts-check
/** The page's texts in the user's language: `venice` in `main.json` of the locales. */

import { fetchRoute, language } from "./comfy.js";
import { translator } from "./server_texts.js";

const TIMEOUT_MS = 3_000;

/** Translations by their English. @type {Record<string, string>} */
let texts = {};
let translate = translator(texts);

/** Load ComfyUI's language. Without an answer, the page stays English. */
export async function loadTexts() {
  try {
    const response = await fetchRoute("/i18n", { signal: AbortSignal.timeout(TIMEOUT_MS) });
    texts = (await response.json())[language()]?.venice ?? {};
  } catch {
    texts = {};
  }
  translate = translator(texts);
}

/** Translate a text of the server, as far as scripts/server_texts.py lists it.
 * @param {string | undefined} english */
export const said = (english) => translate(english ?? "");

/** Write a date in ComfyUI's language, and as that is written where the user lives, if known.
 * @param {Date} date
 * @param {Intl.DateTimeFormatOptions} style */
export const dateText = (date, style) => {
  const own = language();
  return date.toLocaleString(
    [...navigator.languages.filter((one) => one.startsWith(own)), own],
    style,
  );
};

/**
 * Translate a text of the page. scripts/locales.py collects the calls, so write the English as one
 * literal; `{name}` stands for a value.
 * @param {string} english
 * @param {Record<string, string | number | null>} values
 */
export const t = (english, values = {}) =>
  (texts[english] ?? english).replace(/\{(\w+)\}/g, (whole, name) => `${values[name] ?? whole}`);
