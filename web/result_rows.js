// @ts-check
/** The rows of results in the sidebar, as a grid or a list. Only the visible ones are in the page. */

import { button, element } from "./elements.js";
import {
  actionsFor,
  copy,
  factsOf,
  imagesOf,
  isText,
  makeDraggable,
  modelOf,
  promptOf,
  textOf,
  thumbnailUrl,
  tipOf,
} from "./results.js";
import { t } from "./texts.js";

const VIEW = "venice.view";
const CELL_PX = 80;
const GAP_PX = 6;
const LIST_ROW_PX = 108;
const ROWS_AROUND = 3;

export class ResultRows {
  /** @param {import("./gallery.js").Gallery} gallery */
  constructor(gallery) {
    this.gallery = gallery;
    this.space = element("div", { class: "venice-space", role: "presentation" });
    this.root = element(
      "div",
      {
        class: "venice-results",
        role: "grid",
        "aria-multiselectable": "true",
        "aria-label": t("Saved images"),
        onscroll: () => this.draw(),
        onkeydown: (/** @type {KeyboardEvent} */ event) => gallery.press(event),
      },
      this.space,
    );
    /** @type {Map<number, HTMLElement>} */
    this.rows = new Map();
    /** The place of the cell that takes the focus. */
    this.active = 0;
    this.columns = 1;
    this.rowPx = LIST_ROW_PX;
    this.isList = localStorage.getItem(VIEW) === "list";
    this.hadFocus = false;
  }

  /** Draw again at a new size. Return what ends that. */
  watch() {
    const observer = new ResizeObserver(() => this.draw());
    observer.observe(this.root);
    return () => observer.disconnect();
  }

  /** Change between grid and list. */
  changeView() {
    this.isList = !this.isList;
    localStorage.setItem(VIEW, this.isList ? "list" : "grid");
    this.columns = 0; // Makes `draw` lay all rows out again.
    this.draw();
    this.reveal(this.active);
    this.draw();
  }

  /** The place of the first visible result. */
  get first() {
    return Math.floor(this.root.scrollTop / this.rowPx) * this.columns;
  }

  /** The number of results in view. */
  get inView() {
    return Math.max(1, Math.floor(this.root.clientHeight / this.rowPx)) * this.columns;
  }

  clear() {
    this.hadFocus = this.root.contains(document.activeElement);
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
  }

  draw() {
    this.layOut();
    const rowCount = Math.ceil(this.gallery.total / this.columns);
    this.space.style.height = `${rowCount * this.rowPx}px`;
    this.root.setAttribute("aria-rowcount", String(rowCount));
    this.root.setAttribute("aria-colcount", String(this.columns));
    this.active = this.gallery.inside(this.active);
    const { scrollTop, clientHeight } = this.root;
    const first = Math.max(0, Math.floor(scrollTop / this.rowPx) - ROWS_AROUND);
    const end = Math.min(
      rowCount,
      Math.ceil((scrollTop + clientHeight) / this.rowPx) + ROWS_AROUND,
    );
    for (const [r, row] of this.rows) {
      if ((r >= first && r < end) || row.contains(document.activeElement)) continue;
      row.remove();
      this.rows.delete(r);
    }
    for (let r = first; r < end; r++) if (!this.rows.has(r)) this.addRow(r);
    this.mark();
    if (this.hadFocus) this.hadFocus = !this.focus(this.active);
  }

  /** Choose the number of results in a row. */
  layOut() {
    const width = this.root.clientWidth;
    const fitting = Math.max(1, Math.floor((width + GAP_PX) / (CELL_PX + GAP_PX)));
    const columns = this.isList ? 1 : fitting;
    const side = Math.floor((width + GAP_PX) / columns);
    const rowPx = this.isList ? LIST_ROW_PX : Math.max(CELL_PX, side);
    if (columns === this.columns && rowPx === this.rowPx) return;
    this.columns = columns;
    this.rowPx = rowPx;
    const hadFocus = this.hadFocus;
    this.clear();
    this.hadFocus ||= hadFocus;
    this.root.classList.toggle("venice-list", this.isList);
  }

  /** @param {number} r */
  addRow(r) {
    const cells = [];
    const end = Math.min((r + 1) * this.columns, this.gallery.total);
    for (let i = r * this.columns; i < end; i++) {
      const entry = this.gallery.entries.get(i);
      if (!entry) return void this.gallery.load(i);
      cells.push(this.cell(i, entry));
    }
    const row = element(
      "div",
      { class: "venice-result-row", role: "row", "aria-rowindex": String(r + 1) },
      ...cells,
    );
    row.style.top = `${r * this.rowPx}px`;
    row.style.height = `${this.rowPx - GAP_PX}px`;
    row.style.gridTemplateColumns = `repeat(${this.columns}, minmax(0, 1fr))`;
    this.rows.set(r, row);
    this.space.append(row);
  }

  /** @param {number} i @param {SavedResult} entry */
  cell(i, entry) {
    const tip = tipOf(entry);
    const check = element("span", { class: "venice-check pi pi-check", "aria-hidden": "true" });
    const cell = element(
      "div",
      {
        class: "venice-result",
        role: "gridcell",
        title: tip,
        "aria-label": tip,
        "data-result": entry.id,
        "data-place": String(i),
        onclick: (/** @type {MouseEvent} */ event) =>
          this.gallery.click(event, i, event.target === check),
      },
      isText(entry) ? textOn(entry) : imageOn(entry),
      check,
      !entry.was_shown && element("span", { class: "venice-unseen", "aria-hidden": "true" }),
      imagesOf(entry) > 1 &&
        element("span", { class: "venice-count", text: imagesOf(entry), "aria-hidden": "true" }),
    );
    if (this.isList) {
      const removed = () => this.gallery.dropped([entry]);
      cell.append(
        element(
          "div",
          { class: "venice-result-text" },
          element("b", { text: modelOf(entry) }),
          element("div", { class: "venice-result-prompt", text: promptOf(entry) }),
          ...factsOf(entry).map((text) => element("div", { text })),
        ),
        element("div", { class: "venice-row venice-tight" }, ...actionsFor(entry, { removed })),
      );
    }
    if (!isText(entry)) makeDraggable(cell, entry);
    return cell;
  }

  /** Mark the chosen cells and the active one. */
  mark() {
    const { chosen } = this.gallery;
    /** @type {NodeListOf<HTMLElement>} */
    const cells = this.space.querySelectorAll(".venice-result");
    for (const cell of cells) {
      const { place, result = "" } = cell.dataset;
      const isActive = Number(place) === this.active;
      cell.tabIndex = isActive ? 0 : -1;
      cell.setAttribute("aria-selected", String(chosen.has(result)));
      for (const one of cell.querySelectorAll("button")) one.tabIndex = isActive ? 0 : -1;
    }
    this.root.classList.toggle("venice-choosing", chosen.size > 0);
  }

  /** Focus the cell at a place. Return whether it's in the page. @param {number} i */
  focus(i) {
    /** @type {HTMLElement | null} */
    const cell = this.space.querySelector(`[data-place="${i}"]`);
    cell?.focus({ preventScroll: true });
    return cell !== null;
  }

  /** Scroll to a result, no farther than needed. @param {number} i */
  reveal(i) {
    const top = Math.floor(i / this.columns) * this.rowPx;
    const { scrollTop, clientHeight } = this.root;
    if (top < scrollTop) this.root.scrollTop = top;
    else if (top + this.rowPx > scrollTop + clientHeight)
      this.root.scrollTop = top + this.rowPx - clientHeight;
  }
}

/** @param {SavedResult} entry */
const imageOn = (entry) =>
  element("img", {
    class: "venice-thumbnail",
    src: thumbnailUrl(entry),
    alt: "",
    decoding: "async",
    draggable: false,
  });

/** A text and a button that copies it. @param {SavedResult} entry */
const textOn = (entry) =>
  element(
    "div",
    { class: "venice-text-result" },
    element("div", { text: textOf(entry) }),
    button(t("Copy"), () => copy(textOf(entry))),
  );
