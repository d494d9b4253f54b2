// @ts-check
/** Translations of the server's texts, by its known sentences with values in them. */

const CUT = "\u0000";
/** The sentences of a text with the separators between them, as in scripts/server_texts.py.
 * @param {string} text */
const partsOf = (text) =>
  text
    .replace(/([.?!])( )|\n| · /g, (cut, end = "", space = cut) => end + CUT + space + CUT)
    .split(CUT);

/** Chinese and Japanese have no space after a sentence. */
const WIDE_END = /([。！？]) /g;
const NAMES = /\{(\w+)\}/g;
const SYNTAX = /[\\^$.*+?()[\]{}|/]/g;
/** A sentence with fewer letters may match by chance, so its values must be known texts too. */
const MIN_LETTERS = 7;
/** Limits of the search: a text may come from a workflow. Beyond them it stays English. */
const MAX_LENGTH = 300;
const MAX_DEPTH = 3;
const MAX_CACHED = 2_000;

const lettersIn = (/** @type {string} */ text) => text.match(/\p{L}/gu)?.length ?? 0;

/**
 * A translation, how many letters of the English are left in it, and whether it's surely a match.
 * @typedef {{text: string, left: number, isSure?: boolean}} Found
 */

/** In "waiting for Venice 12 s" only a number can be the seconds. */
const captureOf = (/** @type {string} */ name) => (name === "{seconds}" ? "([\\d.]+)" : "(.*?)");

/** @param {string} english @param {string} translation */
const template = (english, translation) => ({
  pattern: new RegExp(
    `^${english
      .split(/(\{\w+\})/)
      .map((piece, i) => (i % 2 === 0 ? piece.replace(SYNTAX, "\\$&") : captureOf(piece)))
      .join("")}$`,
  ),
  length: english.replace(NAMES, "").length,
  names: [...english.matchAll(NAMES)].map(([, name]) => name),
  isLoose: lettersIn(english.replace(NAMES, "")) < MIN_LETTERS,
  translation,
});

/**
 * A function that translates a text of the server. Sentences without a translation stay English.
 * @param {Record<string, string>} texts translations by their English
 * @returns {(english: string) => string}
 */
export function translator(texts) {
  const templates = Object.entries(texts)
    .filter(([english]) => english.includes("{"))
    .map(([english, translation]) => template(english, translation))
    .sort((a, b) => b.length - a.length); // The longest match is the most specific.

  /** By depth and text. @type {Map<string, Found>} */
  const cache = new Map();

  /** @type {(text: string, depth: number) => Found} */
  const find = (text, depth) => {
    if (Object.hasOwn(texts, text)) return { text: texts[text], left: 0 };
    const key = depth + text;
    const found = cache.get(key) ?? join(partsOf(text), depth);
    cache.set(key, found);
    return found;
  };

  /** @type {(parts: string[], depth: number) => Found} */
  const join = (parts, depth) => {
    if (parts.length === 1) return best(parts[0], depth);
    const found = parts.map((part, i) =>
      i % 2 === 0 ? find(part, depth) : { text: part, left: 0 },
    );
    return {
      text: found
        .map((part) => part.text)
        .join("")
        .replace(WIDE_END, "$1"),
      left: found.reduce((sum, part) => sum + part.left, 0),
    };
  };

  /** The match of a sentence that leaves the least English.
   * @type {(text: string, depth: number) => Found} */
  const best = (text, depth) => {
    /** @type {Found} */
    let found = { text, left: lettersIn(text) };
    if (depth > MAX_DEPTH || text.length > MAX_LENGTH) return found;
    for (const { pattern, names, isLoose, translation } of templates) {
      if (found.left === 0) break;
      const values = pattern
        .exec(text)
        ?.slice(1)
        .map((value) => find(value, depth + 1));
      const left = values?.reduce((sum, value) => sum + value.left, 0) ?? found.left;
      const isSure = !isLoose || values?.every((value) => value.isSure || value.left === 0);
      if (!values || left >= found.left || !isSure) continue;
      const byName = Object.fromEntries(names.map((name, i) => [name, values[i].text]));
      const filled = translation.replace(NAMES, (whole, name) => byName[name] ?? whole);
      found = { text: filled, left, isSure };
    }
    return found;
  };

  return (english) => {
    if (cache.size > MAX_CACHED) cache.clear();
    return find(String(english), 0).text;
  };
}
