// @ts-check
/** Requests to the pack's routes. */

import { fetchRoute, routeUrl } from "./comfy.js";
import { said, t } from "./texts.js";

const HEADERS = { "Content-Type": "application/json", "X-Venice": "1" };
const TIMEOUT_MS = 15_000;

/**
 * Ask a route below /venice/; any of the signals ends that. The message of an error is for people.
 * @param {string} path @param {RequestInit} options
 * @param {number} timeoutMs @param {AbortSignal[]} signals
 * @returns {Promise<any>}
 */
async function ask(path, options, timeoutMs, signals = []) {
  let response;
  try {
    const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...signals]);
    response = await fetchRoute(`/venice/${path}`, { ...options, signal });
  } catch {
    throw new Error(t("Can't reach ComfyUI. Is it still running?"));
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  const { status } = response;
  throw new Error(said(body?.error) || t("ComfyUI answered with error {status}.", { status }));
}

/** @param {string} path */
export const get = (path, timeoutMs = TIMEOUT_MS) => ask(path, { cache: "no-store" }, timeoutMs);

/** @param {string} path @param {object} body @param {AbortSignal[]} signals */
export const post = (path, body = {}, timeoutMs = TIMEOUT_MS, ...signals) =>
  ask(path, { method: "POST", headers: HEADERS, body: JSON.stringify(body) }, timeoutMs, signals);

/** @param {string} path of an image */
export const imageUrl = (path) => routeUrl(`/venice/${path}`);

/**
 * Call each listener, also if another fails.
 * @template T
 * @param {Iterable<(value: T) => void>} listeners
 * @param {T} value
 */
export function tell(listeners, value) {
  for (const listener of listeners) {
    try {
      listener(value);
    } catch (error) {
      console.error("Venice:", error);
    }
  }
}

/** A value from the server that several modules show; `now` is null before the first answer.
 * @template T */
class Shared {
  /** @param {(refresh: boolean, timeoutMs?: number) => Promise<T>} load */
  constructor(load) {
    this.load = load;
    /** @type {T | null} */
    this.now = null;
    /** @type {Set<(value: T) => void>} */
    this.listeners = new Set();
  }

  /** Ask the server and tell the listeners. */
  async refresh(refresh = false, timeoutMs = TIMEOUT_MS) {
    this.now = await this.load(refresh, timeoutMs);
    tell(this.listeners, this.now);
    return this.now;
  }

  /** Like `refresh`, but without an answer the last value stays. */
  async tryRefresh(refresh = false, timeoutMs = TIMEOUT_MS) {
    try {
      return await this.refresh(refresh, timeoutMs);
    } catch {
      return this.now;
    }
  }

  /** Call `listener` now, if there is a value, and with each new one. Return what ends that.
   * @param {(value: T) => void} listener */
  listen(listener) {
    this.listeners.add(listener);
    if (this.now) listener(this.now);
    return () => this.listeners.delete(listener);
  }
}

/** Key, balance, limits, spending; `refresh(true)` asks Venice for the balance (free).
 * @type {Shared<Account>} */
export const account = new Shared((refresh, timeoutMs) =>
  get(`account?refresh=${refresh ? 1 : 0}`, timeoutMs),
);

/** The models by kind of node. @type {Shared<Record<string, Model[]>>} */
export const models = new Shared(() => get("models"));
