// @ts-check
/** Values that this tab keeps through a reload, until someone closes it. */

/** Keep a value. If the storage is full or forbidden, a reload loses it.
 * @param {string} key @param {unknown} value */
export function keepForReload(key, value) {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    return;
  }
}

/** @param {string} key @param {any} otherwise if nothing is there */
export function readForReload(key, otherwise) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null") ?? otherwise;
  } catch {
    return otherwise;
  }
}
