// @ts-check
/** Elements, dialogs and messages. Text of others is always text here, never markup. */

/**
 * Makes an element. `text` is its text, `on…` are listeners, and the rest are its properties.
 * @param {string} tag
 * @param {Record<string, any>} properties
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {any}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else if (name.includes("-")) made.setAttribute(name, value);
    else Reflect.set(made, name, value);
  }
  made.append(
    ...children.filter((child) => child !== null && child !== undefined && child !== false),
  );
  return made;
}

/**
 * A button that is off while `action` runs.
 * @param {string} text
 * @param {() => unknown} action
 */
export function button(text, action, properties = {}) {
  const made = element("button", {
    type: "button",
    class: "venice-button",
    text,
    ...properties,
    onclick: async (/** @type {Event} */ event) => {
      event.stopPropagation();
      made.disabled = true;
      try {
        await action();
      } finally {
        made.disabled = false;
      }
    },
  });
  return made;
}

/** An address that a link may lead to: https, else "".
 * @param {any} url */
export const webAddress = (url) => (/^https:\/\//i.test(String(url)) ? String(url) : "");

/**
 * A link that opens in a new tab; only https, else plain text.
 * @param {string} text
 * @param {any} url
 */
export function link(text, url) {
  if (!webAddress(url)) return element("span", { text });
  return element("a", {
    text,
    href: url,
    target: "_blank",
    rel: "noopener noreferrer",
    class: "venice-link",
  });
}

/**
 * Opens a dialog above the page. `content` may call `close(value)`; Escape and a click beside it
 * close it with null.
 * @param {string} title
 * @param {(close: (value: any) => void) => Node[]} content
 * @returns {Promise<any>}
 */
export function openDialog(title, content, className = "") {
  return new Promise((resolve) => {
    const dialog = element("dialog", { class: `venice-dialog ${className}`, "aria-label": title });
    const close = (/** @type {any} */ value) => {
      dialog.remove();
      resolve(value);
    };
    dialog.append(element("h2", { text: title }), ...content(close));
    dialog.addEventListener("cancel", (/** @type {Event} */ event) => {
      event.preventDefault();
      close(null);
    });
    dialog.addEventListener("click", (/** @type {Event} */ event) => {
      if (event.target === dialog) close(null);
    });
    // The page's own shortcuts must not act on what is typed here.
    dialog.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) =>
      event.stopPropagation(),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * Asks a question; resolves to true where `yes` was chosen.
 * @param {string} title
 * @param {string[]} lines
 * @param {string} yes
 */
export async function confirm(title, lines, yes, no = "Cancel") {
  const answer = await openDialog(title, (close) => [
    ...lines.map((text) => element("p", { text })),
    element(
      "div",
      { class: "venice-row venice-end" },
      button(no, () => close(false)),
      button(yes, () => close(true), { class: "venice-button venice-primary", autofocus: true }),
    ),
  ]);
  return answer === true;
}

const KEPT_MESSAGES = 4;
const MESSAGE_MS = 15_000;
/** @type {HTMLElement | null} */
let messages = null;

/**
 * Shows a message in a corner, with buttons; ComfyUI's own have none. Errors stay until closed.
 * @param {"info" | "error"} kind
 * @param {string} title
 * @param {string} text
 * @param {{text: string, action: () => unknown}[]} actions
 */
export function notify(kind, title, text, actions = []) {
  messages ??= element("div", { class: "venice-messages", role: "status", "aria-live": "polite" });
  if (!messages?.isConnected) document.body.append(/** @type {HTMLElement} */ (messages));
  const close = () => box.remove();
  const buttons = actions.map(({ text: label, action }) =>
    button(label, async () => {
      close();
      await action();
    }),
  );
  const box = element(
    "div",
    { class: `venice-message venice-${kind}` },
    element("button", {
      type: "button",
      class: "venice-close",
      text: "×",
      title: "Close",
      onclick: close,
    }),
    element("strong", { text: title }),
    element("div", { class: "venice-message-text", text }),
    buttons.length > 0 && element("div", { class: "venice-row" }, ...buttons),
  );
  messages?.append(box);
  while ((messages?.children.length ?? 0) > KEPT_MESSAGES) messages?.firstElementChild?.remove();
  if (kind === "info") setTimeout(close, MESSAGE_MS);
}

/** @param {unknown} error */
export function notifyError(error, title = "Venice") {
  notify("error", title, error instanceof Error ? error.message : String(error));
}

/** Adds the pack's style sheet to the page, once. */
export function addStyle() {
  document.head.append(
    element("link", { rel: "stylesheet", href: new URL("./venice.css", import.meta.url).href }),
  );
}

/** @param {number | null | undefined} usd */
export const dollars = (usd) =>
  typeof usd === "number"
    ? `${usd.toFixed(Math.abs(usd) < 0.1 && usd !== 0 ? 3 : 2)} USD`
    : "unknown";

/** @type {(n: number, what: string) => string} */
export const count = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
