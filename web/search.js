// @ts-check
/** Which of our nodes the node search shows first. */

/**
 * ComfyUI sorts nodes that match a search equally well by how often they are used, and knows no
 * numbers for ours: the shortest name would come first. These are below the least that it knows
 * (0.39), so that no node with a number of its own is moved back.
 * @type {Record<string, number>}
 */
const USE = { VeniceGenerateImage: 0.03, VeniceEditImage: 0.02, VeniceStylePreset: 0.01 };

/**
 * Gives the definition of a node the method by which ComfyUI asks for its place.
 * @param {any} definition
 */
export function rankInSearch(definition) {
  const use = USE[definition.name];
  if (!use) return;
  definition.postProcessSearchScores = (/** @type {number[]} */ [match, ...rest]) => [
    match,
    -use,
    ...rest,
  ];
}
