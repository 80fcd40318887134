// News of the server: which sessions changed, and the parts of a page that show them.
import { all, one, page } from "./dom.js";
import { enliven } from "./panel.js";

/** Sent to the document when what the page shows has changed. */
export const CHANGED = "agentops-changed";
/** The shortest time between two looks, in milliseconds. */
const PAUSE = 700;

/** Follows the changes while the page is open. */
export function follow() {
  const parts = all("[data-live]");
  if (parts.length === 0) return;
  const session = one("[data-session]")?.dataset.session;
  const source = new EventSource("/v2/events/stream");
  let waits = false, looks = false, pause = PAUSE;
  const look = async () => {
    if (looks || document.hidden) { waits = true; return; }
    looks = true;
    waits = false;
    const begun = performance.now();
    try {
      await refresh();
      document.dispatchEvent(new Event(CHANGED));
    } catch {
      // The next change looks again; until then the page shows what it has.
    }
    // What is slow to show is shown less often.
    pause = Math.max(PAUSE, 3 * (performance.now() - begun));
    setTimeout(() => { looks = false; if (waits) look(); }, pause);
  };
  const concerns = (/** @type {MessageEvent} */ message) => {
    if (!session) return true;
    try { return JSON.parse(message.data).session_id === session; } catch { return true; }
  };
  source.addEventListener("session", (message) => { if (concerns(message)) look(); });
  for (const name of ["deleted", "reset"]) source.addEventListener(name, () => { if (!session || name === "reset") look(); });
  let wasLost = false;
  source.addEventListener("open", () => { if (wasLost) look(); wasLost = false; mark(true); });
  source.addEventListener("error", () => { wasLost = true; mark(false); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && waits) look(); });
  addEventListener("pagehide", () => source.close());
}

/** @param {boolean} on */
function mark(on) {
  for (const part of all("[data-live-mark]")) part.hidden = !on;
}

/** Puts the parts of the page as it is now in place of those as they were. */
async function refresh() {
  const url = new URL(location.href);
  url.searchParams.set("script", "1");
  const now = await page(url.href);
  for (const old of all("[data-live]")) {
    const fresh = now.getElementById(old.id);
    if (!fresh) continue;
    const made = document.importNode(fresh, true);
    keepState(old, made);
    if (made.isEqualNode(old)) continue;
    // Where somebody is typing or has something open is not changed under their hands.
    if (old.contains(document.activeElement) && document.activeElement?.matches("input, summary, button")) continue;
    const known = new Set(all("[data-row]", old).map((row) => row.dataset.row));
    const focused = focusOf(old);
    old.replaceWith(made);
    if (known.size) for (const row of all("[data-row]", made)) row.classList.toggle("new", !known.has(row.dataset.row));
    if (focused >= 0) all("a, button, summary", made)[focused]?.focus({ preventScroll: true });
    enliven(made);
  }
}

/** What is open stays open. @param {HTMLElement} old @param {HTMLElement} made */
function keepState(old, made) {
  const before = /** @type {HTMLDetailsElement[]} */ (all("details", old));
  const after = /** @type {HTMLDetailsElement[]} */ (all("details", made));
  if (before.length !== after.length) return;
  before.forEach((details, at) => { after[at].open = details.open; });
}

/** Which of the links of a part has the focus; -1: none. @param {HTMLElement} part */
function focusOf(part) {
  return all("a, button, summary", part).findIndex((link) => link === document.activeElement);
}
