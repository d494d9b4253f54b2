// @ts-check
/** What this tab keeps until it is closed, also while it is loaded again. */

/** Keeps a value. The storage may be full or forbidden: then a reload loses it.
 * @param {string} key
 * @param {unknown} value */
export function keepForReload(key, value) {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    return;
  }
}

/**
 * @param {string} key
 * @param {any} otherwise if there is nothing
 */
export function readForReload(key, otherwise) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null") ?? otherwise;
  } catch {
    return otherwise;
  }
}
