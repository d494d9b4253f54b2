// @ts-check
/** The results in the sidebar: search and filters, the selection, the keyboard. */

import { element, fill, iconButton, messageOf, setIcon } from "./elements.js";
import { ResultRows } from "./result_rows.js";
import { isText, remove, save } from "./results.js";
import { post } from "./server.js";
import { dateText, t } from "./texts.js";
import { openViewer } from "./viewer.js";

const PAGE = 100;
const TYPING_MS = 250;

export class Gallery {
  constructor() {
    this.head = element("h3", { role: "status" });
    this.bar = element("div", { class: "venice-row", role: "toolbar" });
    /** The loaded results by place. @type {Map<number, SavedResult>} */
    this.entries = new Map();
    /** The requested pages. @type {Map<number, Promise<void>>} */
    this.asked = new Map();
    /** The chosen results by id. @type {Map<string, SavedResult>} */
    this.chosen = new Map();
    this.query = { search: "", model: "", day: "", unseen: false };
    this.total = this.version = this.anchor = 0;
    this.isStale = false;
    this.rows = new ResultRows(this);
    this.models = chooser(t("Model"), t("All models"), String, (model) => this.ask({ model }));
    this.days = chooser(t("Day"), t("All days"), dayName, (day) => this.ask({ day }));
    this.filters = this.makeFilters();
    this.showBar();
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
    const unseen = iconButton("eye-slash", t("Unseen only"), () => {
      unseen.setAttribute("aria-pressed", String(!this.query.unseen));
      return this.ask({ unseen: !this.query.unseen });
    });
    unseen.setAttribute("aria-pressed", "false");
    const label = () =>
      this.rows.isList
        ? setIcon(view, "th-large", t("Show as a grid"))
        : setIcon(view, "list", t("Show as a list"));
    const view = iconButton("list", "", () => {
      this.rows.changeView();
      label();
    });
    label();
    const row = { class: "venice-row venice-filters" };
    return element(
      "div",
      {},
      element("div", row, search, unseen, view),
      element("div", row, this.models.field, this.days.field),
    );
  }

  /** Show the matches of a changed query from the top. @param {object} changes */
  ask(changes) {
    Object.assign(this.query, changes);
    this.rows.active = this.anchor = this.rows.root.scrollTop = 0;
    return this.reload();
  }

  /** Ask again. The old results stay until the answer. */
  async reload() {
    this.version++;
    this.asked.clear();
    this.isStale = true;
    await this.load(this.inside(this.rows.first));
  }

  /** Ask for the page of results around a place, once. @param {number} i */
  load(i) {
    const page = Math.floor(i / PAGE);
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
    if (this.isStale) {
      this.entries.clear();
      this.rows.clear();
    }
    this.isStale = false;
    this.total = answer.total;
    for (const [i, entry] of answer.results.entries()) this.entries.set(page * PAGE + i, entry);
    this.models.offer(answer.models);
    this.days.offer(answer.days);
    const isFiltered = Object.values(this.query).some(Boolean);
    this.head.textContent = this.total
      ? t("Results ({count})", { count: this.total })
      : isFiltered
        ? t("Nothing found")
        : t("Your results will appear here");
    this.rows.draw();
  }

  /** The nearest place with a result. @param {number} i */
  inside(i) {
    return Math.max(0, Math.min(i, this.total - 1));
  }

  /** A result by its place, or null. @param {number} i */
  async at(i) {
    if (i < 0 || i >= this.total) return null;
    if (!this.entries.has(i)) await this.load(i);
    return this.entries.get(i) ?? null;
  }

  /** Move the focus to a result. @param {number} i */
  async go(i) {
    const { rows } = this;
    rows.active = this.inside(i);
    rows.reveal(rows.active);
    await this.at(rows.active);
    rows.draw();
    rows.focus(rows.active);
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const onCell = /** @type {HTMLElement} */ (event.target).role === "gridcell";
    const { active, columns, inView } = this.rows;
    /** @type {(by: number) => () => unknown} */
    const step = (by) => () => {
      const i = active + by;
      return this.go(i >= 0 && i < this.total ? i : active);
    };
    const entry = this.entries.get(active);
    /** @type {Record<string, () => unknown>} */
    const acts = {
      ArrowLeft: step(-1),
      ArrowRight: step(1),
      ArrowUp: step(-columns),
      ArrowDown: step(columns),
      PageUp: step(-inView),
      PageDown: step(inView),
      Home: () => this.go(0),
      End: () => this.go(this.total - 1),
      Escape: () => this.choose([]),
      Delete: () =>
        entry && this.removeChosen(this.chosen.size ? [...this.chosen.values()] : [entry]),
      ...(onCell && { Enter: () => this.open(active), " ": () => this.toggle(active) }),
    };
    const isAll = event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey);
    const act = isAll ? () => this.chooseRange(0, this.total - 1) : acts[event.key];
    if (!act) return;
    event.preventDefault();
    keepFromPage(event);
    void act();
  }

  /** @param {MouseEvent} event @param {number} i @param {boolean} onCheck */
  click(event, i, onCheck) {
    const from = this.anchor;
    this.rows.active = i;
    this.rows.mark();
    this.rows.focus(i);
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
    this.rows.mark();
    this.showBar();
  }

  /** Show the number of chosen results and their buttons. */
  showBar() {
    const entries = [...this.chosen.values()];
    const images = entries.filter((entry) => !isText(entry));
    this.bar.hidden = entries.length === 0;
    this.bar.setAttribute("aria-label", t("Selection"));
    const count = t("Selected: {count}", { count: entries.length });
    fill(
      this.bar,
      element("span", { text: count, role: "status" }),
      images.length === 2 &&
        entries.length === 2 &&
        iconButton("clone", t("Compare"), () => this.compare(images)),
      images.length > 0 &&
        iconButton("download", t("Save to the output folder"), () => save(images)),
      iconButton("trash", t("Delete"), () => this.removeChosen(entries)),
      iconButton("times", t("Clear selection"), () => this.choose([])),
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
    this.rows.hadFocus = true;
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

/** Keep a key from the page's shortcuts. @param {Event} event */
const keepFromPage = (event) => event.stopPropagation();

/** A list of values. The first entry, `all`, is "".
 * @param {string} label @param {string} all
 * @param {(value: string) => string} name @param {(value: string) => unknown} chosen */
function chooser(label, all, name, chosen) {
  const first = element("option", { value: "", text: all });
  const properties = {
    class: "venice-field",
    "aria-label": label,
    onchange: () => chosen(field.value),
    onkeydown: keepFromPage,
  };
  const field = element("select", properties, first);
  let known = "";
  const offer = (/** @type {string[]} */ values) => {
    const now = field.value;
    if (values.join("\n") === known) return;
    known = values.join("\n");
    const options = values.map((value) => element("option", { value, text: name(value) }));
    field.replaceChildren(first, ...options);
    field.value = values.includes(now) ? now : "";
  };
  return { field, offer };
}

const dayName = (/** @type {string} */ day) =>
  dateText(new Date(`${day}T12:00`), { dateStyle: "medium" });
