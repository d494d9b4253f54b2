// @ts-check
/** Saved images at full size, one or two side by side. */

import { element, fill, iconButton } from "./elements.js";
import {
  actionsFor,
  factsOf,
  fullUrl,
  imagesOf,
  isText,
  markSeen,
  modelOf,
  promptOf,
  textOf,
} from "./results.js";
import { t } from "./texts.js";

/**
 * Open the viewer. It's no `<dialog>`, which would hide ComfyUI's own dialogs and messages. At its
 * end, the gallery focuses the last result.
 * @param {import("./gallery.js").Gallery} gallery
 * @param {number} start the place of the result to show
 * @param {SavedResult | null} pinned the result beside it
 */
export function openViewer(gallery, start, pinned = null) {
  let place = start;
  let n = 0;
  /** @type {{entry: SavedResult, n: number} | null} */
  let beside = pinned && { entry: pinned, n: 0 };
  let step = 0;

  const close = () => {
    root.remove();
    void gallery.go(place);
  };
  const images = element("div", { class: "venice-images" });
  const words = element("div", {
    class: "venice-words",
    tabIndex: 0,
    role: "group",
    "aria-label": t("Prompt and details"),
  });
  const title = element("div", { class: "venice-title", role: "status" });
  const actions = element("div", { class: "venice-row" });
  const compare = iconButton("clone", t("Compare"), () => {
    const entry = gallery.entries.get(place);
    beside = beside || !entry ? null : { entry, n };
    // This one stays on the left.
    return entry && beside ? move(place + 1 < gallery.total || hasMore(entry) ? 1 : -1) : show();
  });
  const previous = iconButton("chevron-left", t("Previous"), () => move(-1));
  const next = iconButton("chevron-right", t("Next"), () => move(1));
  const root = element(
    "div",
    {
      class: "venice-viewer",
      role: "dialog",
      "aria-modal": "true",
      "aria-label": t("Saved images"),
      tabIndex: -1,
      onkeydown: (/** @type {KeyboardEvent} */ event) => press(event),
    },
    element(
      "div",
      { class: "venice-row" },
      title,
      actions,
      compare,
      iconButton("times", t("Close"), close),
    ),
    element("div", { class: "venice-stage" }, previous, images, next),
    words,
  );

  const hasMore = (/** @type {SavedResult} */ entry) => n + 1 < imagesOf(entry);

  /** Go to the next image, of this result or the next. @param {1 | -1} by */
  async function move(by) {
    const entry = gallery.entries.get(place);
    if (entry && (by > 0 ? hasMore(entry) : n > 0)) {
      n += by;
      return show();
    }
    const other = await gallery.at(place + by);
    if (!other) return;
    place += by;
    n = by > 0 ? 0 : imagesOf(other) - 1;
    return show();
  }

  async function show() {
    const turn = ++step;
    const entry = await gallery.at(place);
    if (turn !== step) return;
    if (!entry) return close();
    markSeen(entry);
    const hadFocus = actions.contains(document.activeElement);
    title.textContent = `${modelOf(entry)} · ${place + 1} / ${gallery.total}`;
    fill(actions, ...actionsFor(entry, { n, removed, left: close }));
    if (hadFocus || !root.contains(document.activeElement)) root.focus();
    const shown = beside ? [beside, { entry, n }] : [{ entry, n }];
    images.replaceChildren(...shown.map(figure));
    words.textContent = [promptOf(entry), factsOf(entry).join(" · ")].filter(Boolean).join("\n");
    compare.hidden = isText(entry);
    compare.setAttribute("aria-pressed", String(beside !== null));
    previous.disabled = place === 0 && n === 0;
    next.disabled = place + 1 >= gallery.total && !hasMore(entry);
  }

  async function removed() {
    const entry = gallery.entries.get(place);
    if (beside?.entry.id === entry?.id) beside = null;
    n = 0;
    if (entry) await gallery.dropped([entry]);
    if (gallery.total === 0) return close();
    place = Math.min(place, gallery.total - 1);
    await show();
    root.focus();
  }

  /** @param {KeyboardEvent} event */
  function press(event) {
    event.stopPropagation(); // Keeps keys from the page's shortcuts.
    /** @type {Record<string, () => unknown>} */
    const acts = { Escape: close, ArrowLeft: () => move(-1), ArrowRight: () => move(1) };
    const act = acts[event.key];
    if (act) {
      event.preventDefault();
      void act();
    }
    if (event.key !== "Tab") return;
    /** @type {NodeListOf<HTMLElement>} */
    const reachable = root.querySelectorAll("button:enabled, [tabindex='0']");
    const stops = [...reachable].filter((one) => one.offsetParent);
    const end = event.shiftKey ? stops[0] : stops.at(-1);
    if (document.activeElement !== end && document.activeElement !== root) return;
    event.preventDefault();
    (event.shiftKey ? stops.at(-1) : stops[0])?.focus();
  }

  document.body.append(root);
  root.focus();
  void show();
}

/** An image or a text with its caption. @param {{entry: SavedResult, n: number}} shown */
function figure({ entry, n }) {
  const caption = [modelOf(entry), factsOf(entry)[0]].filter(Boolean).join(" · ");
  return element(
    "figure",
    {},
    isText(entry)
      ? element("div", { class: "venice-full-text", text: textOf(entry) })
      : element("img", {
          class: "venice-full",
          src: fullUrl(entry, n),
          alt: promptOf(entry) || caption,
        }),
    element("figcaption", { text: caption }),
  );
}
