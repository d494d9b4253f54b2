// @ts-check
/** Elements and dialogs. Text of others is always text here, never markup. */

import { toast } from "./comfy.js";
import { t } from "./texts.js";

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
 * A button that is off while `action` runs; a message tells if it fails.
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
      } catch (error) {
        toast("error", "Venice", messageOf(error));
      } finally {
        made.disabled = false;
      }
    },
  });
  return made;
}

/**
 * A button that shows an icon; its label is for tooltips and screen readers. `rename` changes both.
 * @param {string} icon of PrimeIcons, which ComfyUI has
 * @param {string} label
 * @param {() => unknown} action
 */
export function iconButton(icon, label, action) {
  const made = button("", action, { class: "venice-button venice-icon" });
  made.rename = (/** @type {string} */ name, /** @type {string} */ text) => {
    made.title = text;
    made.setAttribute("aria-label", text);
    made.replaceChildren(element("i", { class: `pi pi-${name}`, "aria-hidden": "true" }));
  };
  made.rename(icon, label);
  return made;
}

/** An address that a link may lead to: https, else "".
 * @param {any} url */
export const webAddress = (url) => (/^https:\/\//i.test(String(url)) ? String(url) : "");

/**
 * A link that opens in a new tab; only https, else plain text.
 * @param {string} text
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
    const close = (value) => {
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

/** A line with a name and what it stands for.
 * @param {string} name
 * @param {string} value */
export const fact = (name, value) =>
  element(
    "div",
    { class: "venice-fact" },
    element("span", { text: name }),
    element("b", { text: value }),
  );

/** The row of buttons at the end of a dialog; the last one is what most people want.
 * @param {...any} buttons */
export function endRow(...buttons) {
  const last = buttons.at(-1);
  last.classList.add("venice-primary");
  last.autofocus = true;
  return element("div", { class: "venice-row venice-end" }, ...buttons);
}

/** The message of anything that was thrown. */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/** An amount of money as people read it: `$0.03`, or up to four digits where a price has them.
 * @param {number | null | undefined} usd */
export const dollars = (usd) =>
  typeof usd === "number" ? usd.toLocaleString("en", MONEY) : t("unknown");
const MONEY = /** @type {const} */ ({
  style: "currency",
  currency: "USD",
  maximumFractionDigits: 4,
});
