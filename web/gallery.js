// @ts-check
/** The results in the sidebar: search and filters, a grid or a list, and the selection. */

import { button, element, iconButton, messageOf } from "./elements.js";
import {
  actionsFor,
  copy,
  factsOf,
  imagesOf,
  isText,
  makeDraggable,
  modelOf,
  promptOf,
  remove,
  save,
  textOf,
  thumbnailUrl,
  tipOf,
} from "./results.js";
import { post } from "./server.js";
import { t } from "./texts.js";
import { openViewer } from "./viewer.js";

const PAGE = 100;
const VIEW = "venice.view";
const CELL_PX = 80;
const GAP_PX = 6;
const LIST_ROW_PX = 108;
const ROWS_AROUND = 3;
const TYPING_MS = 250;

/** Draws only the visible rows: there may be thousands. */
export class Gallery {
  constructor() {
    this.head = element("h3", { role: "status" });
    this.space = element("div", { class: "venice-space", role: "presentation" });
    this.root = element(
      "div",
      {
        class: "venice-results",
        role: "grid",
        "aria-multiselectable": "true",
        "aria-label": t("Saved images"),
        onscroll: () => this.draw(),
        onkeydown: (/** @type {KeyboardEvent} */ event) => this.press(event),
      },
      this.space,
    );
    this.bar = element("div", { class: "venice-row", role: "toolbar" });
    /** The loaded results by place. @type {Map<number, SavedResult>} */
    this.entries = new Map();
    /** @type {Map<number, HTMLElement>} */
    this.rows = new Map();
    /** The requested pages. @type {Map<number, Promise<void>>} */
    this.asked = new Map();
    /** The chosen results by id. @type {Map<string, SavedResult>} */
    this.chosen = new Map();
    this.query = { search: "", model: "", day: "", unseen: false };
    this.total = this.version = this.active = this.anchor = 0;
    this.columns = 1;
    this.rowPx = LIST_ROW_PX;
    this.isStale = false;
    this.isList = localStorage.getItem(VIEW) === "list";
    this.filters = this.makeFilters();
    this.showBar();
  }

  /** Draw again at a new size. Return what ends that. */
  watch() {
    const observer = new ResizeObserver(() => this.draw());
    observer.observe(this.root);
    return () => observer.disconnect();
  }

  makeFilters() {
    let timer = 0;
    const search = element("input", {
      type: "search",
      class: "venice-field",
      placeholder: t("Search prompts"),
      "aria-label": t("Search prompts"),
      oninput: () => {
        clearTimeout(timer);
        timer = setTimeout(() => this.ask({ search: search.value }), TYPING_MS);
      },
      onkeydown: keepFromPage,
    });
    this.model = chooser(t("Model"), (model) => this.ask({ model }));
    this.day = chooser(t("Day"), (day) => this.ask({ day }));
    const unseen = iconButton("eye-slash", t("Only unseen"), () => {
      unseen.setAttribute("aria-pressed", String(!this.query.unseen));
      return this.ask({ unseen: !this.query.unseen });
    });
    unseen.setAttribute("aria-pressed", "false");
    const view = iconButton("list", "", () => {
      this.isList = !this.isList;
      localStorage.setItem(VIEW, this.isList ? "list" : "grid");
      label();
      this.columns = 0; // Makes `draw` lay all rows out again.
      this.draw();
      this.reveal(this.active);
      this.draw();
    });
    const label = () => view.rename(this.isList ? "th-large" : "list", this.viewName());
    label();
    const row = { class: "venice-row venice-filters" };
    return element(
      "div",
      {},
      element("div", row, search, unseen, view),
      element("div", row, this.model, this.day),
    );
  }

  viewName() {
    return this.isList ? t("Show as a grid") : t("Show as a list");
  }

  /** Show the matches of a changed query from the top. @param {object} changes */
  ask(changes) {
    Object.assign(this.query, changes);
    this.active = this.anchor = this.root.scrollTop = 0;
    return this.reload();
  }

  /** Ask again. The old results stay until the answer. */
  async reload() {
    this.version++;
    this.asked.clear();
    this.isStale = true;
    const first = Math.floor(this.root.scrollTop / this.rowPx) * this.columns;
    await this.load(Math.floor(Math.min(first, Math.max(0, this.total - 1)) / PAGE));
  }

  /** Ask for a page of results, once. @param {number} page */
  load(page) {
    const asked = this.asked.get(page) ?? this.fetchPage(page, this.version);
    this.asked.set(page, asked);
    return asked;
  }

  /** @param {number} page @param {number} version */
  async fetchPage(page, version) {
    let answer;
    try {
      answer = await post("results/search", { ...this.query, offset: page * PAGE, limit: PAGE });
    } catch (error) {
      if (version !== this.version) return;
      this.asked.delete(page);
      this.head.textContent = messageOf(error);
      return;
    }
    if (version !== this.version) return;
    if (this.isStale) this.clear();
    this.isStale = false;
    this.total = answer.total;
    for (const [i, entry] of answer.results.entries()) this.entries.set(page * PAGE + i, entry);
    this.model.offer(t("All models"), answer.models ?? [], String);
    this.day.offer(t("All days"), answer.days ?? [], dayName);
    const isFiltered = Object.values(this.query).some(Boolean);
    this.head.textContent = this.total
      ? t("Results ({count})", { count: this.total })
      : isFiltered
        ? t("Nothing found")
        : t("Your results will appear here");
    this.draw();
  }

  clear() {
    this.entries.clear();
    this.hadFocus = this.root.contains(document.activeElement);
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
  }

  /** A result by its place, or null. @param {number} i */
  async at(i) {
    if (i < 0 || i >= this.total) return null;
    if (!this.entries.has(i)) await this.load(Math.floor(i / PAGE));
    return this.entries.get(i) ?? null;
  }

  draw() {
    this.layOut();
    const rowCount = Math.ceil(this.total / this.columns);
    this.space.style.height = `${rowCount * this.rowPx}px`;
    this.root.setAttribute("aria-rowcount", String(rowCount));
    this.root.setAttribute("aria-colcount", String(this.columns));
    this.active = Math.max(0, Math.min(this.active, this.total - 1));
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
    if (this.hadFocus && this.cellAt(this.active)) {
      this.hadFocus = false;
      this.cellAt(this.active).focus({ preventScroll: true });
    }
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
    this.hadFocus ||= this.root.contains(document.activeElement);
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
    this.root.classList.toggle("venice-list", this.isList);
  }

  /** @param {number} r */
  addRow(r) {
    const first = r * this.columns;
    const entries = [];
    for (let i = first; i < Math.min(first + this.columns, this.total); i++) {
      const entry = this.entries.get(i);
      if (!entry) return void this.load(Math.floor(i / PAGE));
      entries.push(entry);
    }
    const row = element(
      "div",
      { class: "venice-result-row", role: "row", "aria-rowindex": String(r + 1) },
      ...entries.map((entry, c) => this.cell(r * this.columns + c, entry)),
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
        onclick: (/** @type {MouseEvent} */ event) => this.click(event, i, event.target === check),
      },
      isText(entry) ? textCell(entry) : imageCell(entry),
      check,
      !entry.was_shown && element("span", { class: "venice-unseen", "aria-hidden": "true" }),
      imagesOf(entry) > 1 &&
        element("span", { class: "venice-count", text: imagesOf(entry), "aria-hidden": "true" }),
    );
    if (this.isList) cell.append(...this.listParts(entry));
    if (!isText(entry)) makeDraggable(cell, entry);
    return cell;
  }

  /** @param {SavedResult} entry */
  listParts(entry) {
    const actions = actionsFor(entry, { removed: () => this.dropped([entry]) });
    return [
      element(
        "div",
        { class: "venice-result-text" },
        element("b", { text: modelOf(entry) }),
        element("div", { class: "venice-result-prompt", text: promptOf(entry) }),
        ...factsOf(entry).map((text) => element("div", { text })),
      ),
      element("div", { class: "venice-row venice-tight" }, ...actions),
    ];
  }

  /** Mark the chosen cells and the active one. */
  mark() {
    for (const cell of this.space.querySelectorAll(".venice-result")) {
      const isActive = Number(cell.dataset.place) === this.active;
      cell.tabIndex = isActive ? 0 : -1;
      cell.setAttribute("aria-selected", String(this.chosen.has(cell.dataset.result)));
      for (const one of cell.querySelectorAll("button")) one.tabIndex = isActive ? 0 : -1;
    }
    this.root.classList.toggle("venice-choosing", this.chosen.size > 0);
  }

  /** @param {number} i */
  cellAt(i) {
    return this.space.querySelector(`[data-place="${i}"]`);
  }

  /** Scroll to a result, no farther than needed. @param {number} i */
  reveal(i) {
    const top = Math.floor(i / this.columns) * this.rowPx;
    const { scrollTop, clientHeight } = this.root;
    if (top < scrollTop) this.root.scrollTop = top;
    else if (top + this.rowPx > scrollTop + clientHeight)
      this.root.scrollTop = top + this.rowPx - clientHeight;
  }

  /** Move the focus to a result. @param {number} i */
  async go(i) {
    this.active = Math.max(0, Math.min(i, this.total - 1));
    this.reveal(this.active);
    await this.at(this.active);
    this.draw();
    this.cellAt(this.active)?.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const onCell = /** @type {HTMLElement} */ (event.target).role === "gridcell";
    const page = Math.max(1, Math.floor(this.root.clientHeight / this.rowPx)) * this.columns;
    /** @type {Record<string, number | undefined>} */
    const steps = {
      ...{ ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns },
      ...{ PageUp: -page, PageDown: page },
    };
    const step = steps[event.key];
    const isAll = event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey);
    const entry = this.entries.get(this.active);
    /** @type {Record<string, () => unknown>} */
    const acts = {
      Home: () => this.go(0),
      End: () => this.go(this.total - 1),
      Enter: () => onCell && this.open(this.active),
      " ": () => onCell && entry && this.toggle(this.active),
      Escape: () => this.choose([]),
      Delete: () =>
        entry && this.removeChosen(this.chosen.size ? [...this.chosen.values()] : [entry]),
    };
    const act = isAll
      ? () => this.chooseRange(0, this.total - 1)
      : step !== undefined
        ? () => this.go(this.inside(this.active + step))
        : acts[event.key];
    if (!act || (!onCell && (event.key === "Enter" || event.key === " "))) return;
    event.preventDefault();
    keepFromPage(event);
    void act();
  }

  /** This place if it exists, else the active one. @param {number} i */
  inside(i) {
    return i >= 0 && i < this.total ? i : this.active;
  }

  /** @param {MouseEvent} event @param {number} i @param {boolean} onCheck */
  click(event, i, onCheck) {
    const from = this.anchor;
    this.active = i;
    this.mark();
    this.cellAt(i)?.focus({ preventScroll: true });
    if (event.shiftKey) return void this.chooseRange(Math.min(from, i), Math.max(from, i));
    this.anchor = i;
    if (onCheck || event.ctrlKey || event.metaKey) return this.toggle(i);
    this.open(i);
  }

  /** @param {number} i */
  toggle(i) {
    const entry = this.entries.get(i);
    if (!entry) return;
    this.anchor = i;
    const others = [...this.chosen.values()].filter(({ id }) => id !== entry.id);
    this.choose(this.chosen.has(entry.id) ? others : [...others, entry]);
  }

  /** @param {number} from @param {number} to */
  async chooseRange(from, to) {
    const entries = [];
    for (let i = from; i <= to; i++) entries.push(await this.at(i));
    this.choose(entries.filter((entry) => entry !== null));
  }

  /** @param {SavedResult[]} entries */
  choose(entries) {
    this.chosen = new Map(entries.map((entry) => [entry.id, entry]));
    this.mark();
    this.showBar();
  }

  /** Show the number of chosen results and their buttons. */
  showBar() {
    const entries = [...this.chosen.values()];
    const images = entries.filter((entry) => !isText(entry));
    this.bar.hidden = entries.length === 0;
    this.bar.setAttribute("aria-label", t("Selection"));
    const count = t("Selected: {count}", { count: entries.length });
    this.bar.replaceChildren(
      element("span", { text: count, role: "status" }),
      ...[
        images.length === 2 &&
          entries.length === 2 &&
          iconButton("clone", t("Compare"), () => this.compare(images)),
        images.length > 0 &&
          iconButton("download", t("Save to the output folder"), () => save(images)),
        iconButton("trash", t("Delete"), () => this.removeChosen(entries)),
        iconButton("times", t("Clear selection"), () => this.choose([])),
      ].filter(Boolean),
    );
  }

  /** @param {SavedResult[]} entries */
  removeChosen(entries) {
    return remove(entries, () => this.dropped(entries));
  }

  /** Forget deleted results. @param {SavedResult[]} entries */
  async dropped(entries) {
    const gone = new Set(entries.map(({ id }) => id));
    this.choose([...this.chosen.values()].filter(({ id }) => !gone.has(id)));
    this.hadFocus = true;
    await this.reload();
  }

  /** @param {number} i */
  open(i) {
    openViewer(this, i);
  }

  /** Show two results side by side. @param {SavedResult[]} two */
  compare(two) {
    const found = [...this.entries].find(([, { id }]) => id === two[1].id);
    if (found) openViewer(this, found[0], two[0]);
  }
}

/** @param {SavedResult} entry */
function imageCell(entry) {
  return element("img", {
    class: "venice-thumbnail",
    src: thumbnailUrl(entry),
    alt: "",
    decoding: "async",
    draggable: false,
  });
}

/** A text and a button that copies it. @param {SavedResult} entry */
function textCell(entry) {
  const text = textOf(entry);
  return element(
    "div",
    { class: "venice-text-result" },
    element("div", { text }),
    button(t("Copy"), () => copy(text)),
  );
}

/** Keep a key from the page's shortcuts. @param {Event} event */
const keepFromPage = (event) => event.stopPropagation();

/** A list to choose from. The first entry means any.
 * @param {string} label @param {(value: string) => unknown} chosen */
function chooser(label, chosen) {
  const made = element("select", {
    class: "venice-field",
    "aria-label": label,
    onchange: () => chosen(made.value),
    onkeydown: keepFromPage,
  });
  /** @type {(any: string, values: string[], name: (value: string) => string) => void} */
  made.offer = (any, values, name) => {
    const now = made.value;
    if (values.join("\n") === made.known) return;
    made.known = values.join("\n");
    const options = values.map((value) => element("option", { value, text: name(value) }));
    made.replaceChildren(element("option", { value: "", text: any }), ...options);
    made.value = values.includes(now) ? now : "";
  };
  return made;
}

const dayName = (/** @type {string} */ day) =>
  new Date(`${day}T12:00`).toLocaleDateString(undefined, { dateStyle: "medium" });
