// @ts-check
/** Elements and dialogs. All text is set as text, never as markup. */

import { toast } from "./comfy.js";
import { t } from "./texts.js";

/** @typedef {Node | string | null | undefined | false} Child one to show, or a falsy one to leave out */

/** @param {Child} child @returns {child is Node | string} */
const isShown = (child) => Boolean(child);

/** Replace the children of an element. @param {HTMLElement} parent @param {...Child} children */
export const fill = (parent, ...children) => parent.replaceChildren(...children.filter(isShown));

/**
 * Make an element. `text` is its text, `on…` are listeners, the rest are properties.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} properties
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
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
  made.append(...children.filter(isShown));
  return made;
}

/** A button, disabled while `action` runs. A toast shows its error.
 * @param {string} text @param {() => unknown} action */
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

/** A button with one of ComfyUI's PrimeIcons.
 * @param {string} icon @param {string} label @param {() => unknown} action */
export function iconButton(icon, label, action) {
  const made = button("", action, { class: "venice-button venice-icon" });
  setIcon(made, icon, label);
  return made;
}

/** Change the icon and the label of a button.
 * @param {HTMLElement} made @param {string} icon @param {string} label */
export function setIcon(made, icon, label) {
  made.title = label;
  made.setAttribute("aria-label", label);
  made.replaceChildren(element("i", { class: `pi pi-${icon}`, "aria-hidden": "true" }));
}

/** An address that a link may lead to: https, else "". @param {unknown} url */
export const webAddress = (url) => (/^https:\/\//i.test(String(url)) ? String(url) : "");

/** A link to a new tab, or plain text if it isn't https. @param {string} text @param {unknown} url */
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
 * Open a dialog. `content` may call `close(value)`; Escape and a click beside it close it with null.
 * @param {string} title
 * @param {(close: (value: unknown) => void) => Node[]} content
 * @returns {Promise<unknown>}
 */
export function openDialog(title, content, className = "") {
  return new Promise((resolve) => {
    const dialog = element("dialog", { class: `venice-dialog ${className}`, "aria-label": title });
    const close = (/** @type {unknown} */ value) => {
      dialog.close(); // Gives the focus back.
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
    // Keeps typing from the page's shortcuts.
    dialog.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) =>
      event.stopPropagation(),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A line with a name and its value. @param {string} name @param {string} value */
export const fact = (name, value) =>
  element(
    "div",
    { class: "venice-fact" },
    element("span", { text: name }),
    element("b", { text: value }),
  );

/** The last row of a dialog. The last button is the primary one. @param {...HTMLElement} buttons */
export function endRow(...buttons) {
  const last = buttons.at(-1);
  last?.classList.add("venice-primary");
  if (last) last.autofocus = true;
  return element("div", { class: "venice-row venice-end" }, ...buttons);
}

/** The message of anything thrown. @param {unknown} error */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/** An amount such as `$0.03`, with up to four digits, or six below a tenth of a cent.
 * @param {number | null | undefined} usd */
export const dollars = (usd) =>
  typeof usd === "number"
    ? usd.toLocaleString("en", { ...MONEY, maximumFractionDigits: usd > 0 && usd < 0.001 ? 6 : 4 })
    : t("unknown");
const MONEY = /** @type {const} */ ({ style: "currency", currency: "USD" });
