// What every page has: keys and their help, times as "3 min ago", copying, saved filters, news.
import { all, element, one } from "./dom.js";
import { CHANGED, follow } from "./live.js";
import { enliven } from "./panel.js";
import { ago } from "./text.js";

/** @typedef {{ keys: string[], says: string, run: (event: KeyboardEvent) => void | boolean }} Key */

/** @type {Key[]} */
const KEYS = [];
/** How long the second key of two may take, in milliseconds. */
const SECOND = 1200;

/** Adds keys; `run` answers false when they do not apply now. @param {Key[]} keys */
export function addKeys(keys) {
  KEYS.push(...keys);
}

let firstKey = "", firstAt = 0;

/** @param {KeyboardEvent} event */
function pressed(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (target.matches?.("input, textarea, select")) {
    if (event.key === "Escape") target.blur();
    return;
  }
  if (one("dialog[open]")) return;
  const key = event.shiftKey && event.key.length > 1 ? `Shift+${event.key}` : event.key;
  const both = event.timeStamp - firstAt < SECOND ? `${firstKey} ${key}` : "";
  firstKey = key;
  firstAt = event.timeStamp;
  for (const wanted of [both, key]) {
    const found = wanted && KEYS.find((known) => known.keys.includes(wanted));
    if (found && found.run(event) !== false) {
      event.preventDefault();
      return;
    }
  }
}

function help() {
  const rows = KEYS.map((key) => element("tr", {},
    element("td", {}, ...key.keys.slice(0, 2).flatMap((name, at) => [at ? " or " : "", element("kbd", {}, name)])),
    element("td", {}, key.says)));
  const dialog = element("dialog", { class: "keys", "aria-label": "Keys" },
    element("h2", {}, "Keys"),
    element("table", {}, element("tbody", {}, ...rows)),
    element("form", { method: "dialog" }, element("button", {}, "Close")));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function times() {
  for (const time of all("time[datetime]")) {
    const at = Date.parse(time.getAttribute("datetime") ?? "");
    const told = ago(Date.now() - at);
    time.dataset.ago = told;
  }
}

/** The name under which the browser keeps filters. */
const SAVED = "agentops-filters";

/** @returns {{ name: string, query: string }[]} */
function savedFilters() {
  try {
    const kept = JSON.parse(localStorage.getItem(SAVED) ?? "[]");
    const isFilter = (/** @type {any} */ one) => typeof one?.name === "string" && typeof one?.query === "string";
    return Array.isArray(kept) ? kept.filter(isFilter).slice(0, 20) : [];
  } catch {
    return [];
  }
}

/** @param {HTMLElement} place */
function saved(place) {
  const keep = (/** @type {{ name: string, query: string }[]} */ filters) => {
    try { localStorage.setItem(SAVED, JSON.stringify(filters)); } catch { /* A private window keeps nothing. */ }
    saved(place);
  };
  const parameters = new URLSearchParams(location.search);
  for (const name of ["cursor", "script"]) parameters.delete(name);
  for (const [name, value] of [...parameters]) if (!value) parameters.delete(name);
  const query = parameters.toString();
  const filters = savedFilters();
  const chips = filters.map((filter, at) => element("span", { class: "chip" },
    element("a", { href: `/?${filter.query}`, ...(filter.query === query ? { "aria-current": "true" } : {}) }, filter.name),
    element("button", { type: "button", class: "plain", "aria-label": `Forget ${filter.name}`,
      click: () => keep(filters.filter((_, other) => other !== at)) }, "✕")));
  const isNew = query !== "" && !filters.some((filter) => filter.query === query);
  const name = element("input", { "aria-label": "Name of the filter", placeholder: "Name this filter", maxlength: "60" });
  const form = element("form", { class: "name-it", submit: (event) => {
    event.preventDefault();
    if (name.value.trim()) keep([...filters, { name: name.value.trim(), query }]);
  } }, name, element("button", { type: "submit" }, "Save filter"));
  place.replaceChildren(...chips, ...(isNew ? [form] : []));
  place.hidden = !chips.length && !isNew;
}

function begin() {
  addKeys([
    { keys: ["?"], says: "this help", run: help },
    { keys: ["/"], says: "search or filter", run: () => {
      const search = one("[data-search]");
      search?.focus();
      return !!search;
    } },
  ]);
  for (const link of all("[data-key]")) {
    const key = link.dataset.key ?? "";
    // The link may be another one by then.
    addKeys([{ keys: [key], says: `go to ${link.firstChild?.textContent?.trim()}`, run: () => one(`[data-key="${key}"]`)?.click() }]);
  }
  rowKeys();
  document.addEventListener("keydown", pressed);
  const button = one("[data-help]");
  if (button) {
    button.hidden = false;
    button.onclick = help;
  }
  for (const form of all("form[data-confirm]")) {
    form.addEventListener("submit", (event) => { if (!confirm(form.dataset.confirm)) event.preventDefault(); });
  }
  document.addEventListener("click", (event) => {
    for (const menu of /** @type {HTMLDetailsElement[]} */ (all("details.menu[open]"))) {
      if (!menu.contains(/** @type {Node} */ (event.target))) menu.open = false;
    }
  });
  // A choice filters at once; a text waits for Enter.
  const filter = /** @type {HTMLFormElement | null} */ (one("#filter"));
  filter?.addEventListener("change", (event) => {
    if (/** @type {HTMLElement} */ (event.target).matches("select, [type=checkbox]")) filter.requestSubmit();
  });
  filter?.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
  const place = one("[data-saved]");
  if (place) saved(place);
  enliven(document);
  times();
  setInterval(times, 10000);
  document.addEventListener(CHANGED, times);
  if (!one("[data-offline]")) follow();
}

/** Moves through the rows of a list. */
function rowKeys() {
  if (!one("[data-row]") && !one("#list")) return;
  const step = (/** @type {number} */ by) => () => {
    const links = all("[data-row] a.name");
    const here = links.findIndex((link) => link === document.activeElement);
    const next = links[here < 0 ? (by > 0 ? 0 : links.length - 1) : here + by];
    next?.focus();
    return !!next;
  };
  const turn = (/** @type {string} */ rel) => () => {
    const link = rel === "next" ? one("nav.pages a[rel=next]") : one("nav.pages a:not([rel])");
    link?.click();
    return !!link;
  };
  addKeys([
    { keys: ["j", "ArrowDown"], says: "next row", run: step(1) },
    { keys: ["k", "ArrowUp"], says: "row before", run: step(-1) },
    { keys: ["n"], says: "next page", run: turn("next") },
    { keys: ["p"], says: "back to the first page", run: turn("") },
  ]);
}

begin();
