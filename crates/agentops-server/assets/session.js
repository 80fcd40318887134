// The timeline of a session: what is shown, what is chosen, and the keys and buttons for both.
import { element, one } from "./dom.js";
import { CHANGED } from "./live.js";
import { Minimap } from "./minimap.js";
import { Outline } from "./outline.js";
import { addKeys } from "./page.js";
import { Panel } from "./panel.js";
import { Rows } from "./rows.js";
import { count, duration, ticks } from "./text.js";
import { View } from "./view.js";

/** @type {[string, string, string][]} */
const KIND_BUTTONS = [["a", "actions", "Actions"], ["l", "llms", "LLM"], ["t", "tools", "Tools"], ["e", "errors", "Errors"]];

class Timeline {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    this.path = place.dataset.path ?? "";
    this.isOffline = "offline" in place.dataset;
    /** @type {Outline | null} */
    this.outline = null;
    /** @type {import("./outline.js").Wanted} */
    this.wanted = { text: "", kinds: new Set(), failed: false, agent: this.agentOfAddress() };
    this.chosen = new URLSearchParams(location.search).get("event") ?? "";
    this.view = new View();
    this.rows = new Rows(this.view, { choose: (at) => this.choose(at), fold: (at) => this.fold(at) });
    this.minimap = new Minimap(this.view, () => this.move());
    const panel = /** @type {HTMLElement} */ (one("#panel"));
    this.panel = new Panel(panel, this.path, {
      jump: (id) => this.jump(id),
      closed: () => { this.chosen = ""; this.rows.chosen = -1; this.address(); this.rows.draw(true); this.rows.element.focus(); },
    });
    this.ruler = element("div", { class: "ruler", "aria-hidden": "true" });
    this.told = element("p", { class: "told quiet", role: "status" });
    this.empty = element("p", { class: "notice", hidden: true }, "No event fits. ",
      element("button", { type: "button", click: () => this.clear() }, "Show all"));
  }

  agentOfAddress() {
    const found = /^#agent=(.+)$/.exec(location.hash);
    try { return found ? decodeURIComponent(found[1]) : ""; } catch { return ""; }
  }

  async begin() {
    await this.fetch();
    if (!this.outline || this.outline.length === 0) return;
    this.build();
    this.update();
    if (this.chosen) this.choose(this.outline.find(this.chosen), false);
    performance.mark("agentops-drawn");
  }

  async fetch() {
    if (this.isOffline) {
      this.outline = new Outline(JSON.parse(one("#outline")?.textContent ?? "null"));
    } else {
      const answer = await fetch(`${this.path}/outline.json`);
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      this.outline = new Outline(await answer.json());
    }
  }

  build() {
    const listed = one("#listed");
    if (listed) listed.hidden = true;
    this.frame = element("div", { class: "waterfall" }, this.bar(), this.told,
      element("div", { class: "scale" }, this.minimap.element, this.ruler), this.empty, this.rows.element);
    this.place.append(this.frame);
    document.body.classList.add("drawn");
    this.rows.element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.rows.element.addEventListener("pointerdown", (event) => this.drag(event));
    this.keys();
    if (!this.isOffline) {
      document.addEventListener(CHANGED, async () => { await this.fetch(); this.update(); });
    }
    // What runs grows.
    setInterval(() => { if (this.outline?.columns.running && !document.hidden) this.move(); }, 500);
  }

  bar() {
    const button = (/** @type {string} */ label, /** @type {string} */ says, /** @type {() => void} */ run) =>
      element("button", { type: "button", class: "plain", title: says, "aria-label": label.length > 1 ? `${label}: ${says}` : says, click: run }, label);
    this.find = element("input", { type: "search", placeholder: "Find by name", "aria-label": "Find events by name", "data-search": true,
      input: () => { this.wanted.text = this.find?.value ?? ""; this.update(); } });
    this.kinds = KIND_BUTTONS.map(([letter, kind, label]) => element("button", {
      type: "button", class: "toggle", "aria-pressed": "false", "data-kind": letter,
      click: () => this.toggle(letter),
    }, element("span", { class: `glyph k-${kind}`, "aria-hidden": "true" }), label));
    this.failed = element("button", { type: "button", class: "toggle", "aria-pressed": "false", "data-failed": true,
      click: () => { this.wanted.failed = !this.wanted.failed; this.update(); } }, "Failures");
    this.agents = element("select", { "aria-label": "Agent",
      change: () => { this.wanted.agent = this.agents?.value ?? ""; this.update(); } });
    return element("div", { class: "bar-tools" }, this.find, element("span", { class: "group" }, ...this.kinds, this.failed), this.agents,
      element("span", { class: "group end" },
        button("−", "Zoom out (-)", () => this.zoom(2)),
        button("+", "Zoom in (+)", () => this.zoom(0.5)),
        button("Fit", "All of it (0)", () => { this.view.fit(); this.move(); }),
        button("◂", "Earlier (Shift+Left)", () => { this.view.pan(-0.25); this.move(); }),
        button("▸", "Later (Shift+Right)", () => { this.view.pan(0.25); this.move(); })));
  }

  /** @param {string} kind */
  toggle(kind) {
    if (!this.wanted.kinds.delete(kind)) this.wanted.kinds.add(kind);
    this.update();
  }

  clear() {
    this.wanted = { text: "", kinds: new Set(), failed: false, agent: "" };
    if (this.find) this.find.value = "";
    this.update();
  }

  /** Shows what there is now. */
  update() {
    const outline = this.outline;
    if (!outline) return;
    const { columns } = outline;
    for (const toggle of this.kinds ?? []) toggle.setAttribute("aria-pressed", String(this.wanted.kinds.has(toggle.dataset.kind ?? "")));
    this.failed?.setAttribute("aria-pressed", String(this.wanted.failed));
    if (this.agents && this.agents.options.length !== columns.agents.length + 1) {
      this.agents.replaceChildren(element("option", { value: "" }, "All agents"),
        ...columns.agents.map(([id, name]) => element("option", { value: id }, name)));
      this.agents.hidden = columns.agents.length < 2;
    }
    if (this.agents) this.agents.value = this.wanted.agent;
    const shown = outline.shown(this.wanted, this.rows.folded);
    this.shown = shown;
    const hits = shown.hits ? shown.hits.reduce((sum, hit) => sum + (hit === 2 ? 1 : 0), 0) : outline.length;
    const cut = outline.length < columns.total ? `; the first ${count(outline.length)} are drawn` : "";
    this.told.textContent = shown.hits ? `${count(hits)} of ${count(outline.length)} events` : `${count(columns.total)} event${columns.total === 1 ? "" : "s"}${cut}`;
    this.empty.hidden = shown.rows.length > 0;
    this.rows.chosen = this.chosen ? outline.find(this.chosen) : -1;
    this.view.grow(outline.span());
    this.rows.show(outline, shown);
    this.minimap.show(outline, shown.rows);
    this.rule();
  }

  /** The same events, another stretch of time. */
  move() {
    if (!this.outline) return;
    const before = this.view.span;
    this.view.grow(this.outline.span());
    if (this.view.span !== before) this.minimap.draw();
    this.minimap.place();
    this.rows.draw(true);
    this.rule();
  }

  rule() {
    const width = this.ruler.clientWidth || 300;
    const { from, to } = this.view;
    this.ruler.replaceChildren(...ticks(from, to, width / 110).map((at) => {
      const tick = element("span", {}, duration(at));
      tick.style.left = `${this.view.place(at) * 100}%`;
      return tick;
    }));
  }

  /** @param {number} factor @param {number} [part] */
  zoom(factor, part) {
    const at = this.outline && this.chosen ? this.outline.find(this.chosen) : -1;
    if (part === undefined && at >= 0 && this.outline) {
      const place = this.view.place(this.outline.columns.at[at]);
      part = place >= 0 && place <= 1 ? place : 0.5;
    }
    this.view.zoom(factor, part ?? 0.5);
    this.move();
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    const lane = this.laneBox();
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      const part = Math.min(Math.max((event.clientX - lane.left) / lane.width, 0), 1);
      this.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 200))), part);
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      this.view.pan((event.deltaX || event.deltaY) / lane.width);
      this.move();
    }
  }

  laneBox() {
    const lane = one(".row:not([hidden]) .lane", this.rows.element) ?? this.rows.element;
    return lane.getBoundingClientRect();
  }

  /** Dragging a lane moves through time. @param {PointerEvent} event */
  drag(event) {
    const lane = /** @type {HTMLElement} */ (event.target).closest(".lane");
    if (!lane || event.button !== 0 || event.pointerType === "touch") return;
    const width = this.laneBox().width;
    let last = event.clientX, moved = false;
    const move = (/** @type {PointerEvent} */ at) => {
      if (!moved && Math.abs(at.clientX - last) < 4) return;
      moved = true;
      this.view.pan((last - at.clientX) / width);
      last = at.clientX;
      this.move();
    };
    const end = () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
      // A drag is no click.
      if (moved) addEventListener("click", (click) => click.stopPropagation(), { capture: true, once: true });
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
  }

  /** @param {number} at @param {boolean} [told] whether the address changes */
  choose(at, told = true) {
    if (!this.outline || at < 0) return;
    this.chosen = this.outline.columns.id[at];
    this.rows.choose(at);
    if (told) this.address();
    const shows = one("article", this.panel.place)?.dataset.event;
    if (!told && shows === this.chosen) this.panel.wanted = this.chosen;
    else this.panel.show(this.chosen);
  }

  /** Chooses an event wherever it is: unfolds what it is in, drops filters that hide it, and
   * looks at a stretch that has it. @param {string} id */
  jump(id) {
    const outline = this.outline;
    const at = outline ? outline.find(id) : -1;
    if (!outline || at < 0) {
      this.chosen = id;
      this.address();
      this.panel.show(id);
      return;
    }
    for (let above = outline.above[at]; above >= 0; above = outline.above[above]) this.rows.folded.delete(outline.columns.id[above]);
    const kept = outline.kept(this.wanted);
    if (kept && !kept[at]) this.clear();
    const begins = outline.columns.at[at];
    if (begins < this.view.from || begins > this.view.to) {
      const width = this.view.to - this.view.from;
      this.view.show(begins - width / 3, begins + (width * 2) / 3);
    }
    this.update();
    this.choose(at);
  }

  /** @param {number} at @param {boolean} [shut] */
  fold(at, shut) {
    if (!this.outline) return;
    const id = this.outline.columns.id[at];
    const isShut = this.rows.folded.has(id);
    if (shut === isShut) return;
    if (isShut) this.rows.folded.delete(id); else this.rows.folded.add(id);
    this.update();
  }

  address() {
    if (this.isOffline) return;
    const url = new URL(location.href);
    if (this.chosen) url.searchParams.set("event", this.chosen); else url.searchParams.delete("event");
    url.hash = "";
    history.replaceState(null, "", url);
  }

  /** @param {number} by */
  step(by) {
    const rows = this.rows.rows;
    if (!rows.length || !this.outline) return false;
    const here = this.chosen ? this.rows.rowOf(this.outline.find(this.chosen)) : -1;
    const from = here < 0 && by === -1 ? rows.length : here;
    const next = Math.max(0, Math.min(rows.length - 1, from + by));
    this.choose(rows[next]);
    return true;
  }

  /** The next failure in this direction, around the ends. @param {number} by */
  failure(by) {
    const outline = this.outline;
    if (!outline) return false;
    const here = this.chosen ? outline.find(this.chosen) : by > 0 ? -1 : outline.length;
    for (let steps = 1; steps <= outline.length; steps++) {
      const at = (here + by * steps + 2 * outline.length) % outline.length;
      if (outline.isFailure(at)) {
        this.jump(outline.columns.id[at]);
        return true;
      }
    }
    return false;
  }

  /** Left folds, then goes to what is above; right unfolds. @param {boolean} left */
  side(left) {
    const outline = this.outline;
    const at = outline && this.chosen ? outline.find(this.chosen) : -1;
    if (!outline || at < 0) return false;
    const isOpen = outline.hasInside(at) && !this.rows.folded.has(outline.columns.id[at]);
    if (left && isOpen) this.fold(at, true);
    else if (left && outline.above[at] >= 0) this.choose(outline.above[at]);
    else if (!left) this.fold(at, false);
    return true;
  }

  focusChosen() {
    const outline = this.outline;
    const at = outline && this.chosen ? outline.find(this.chosen) : -1;
    if (!outline || at < 0) return false;
    const begins = outline.columns.at[at];
    const took = Math.max(outline.end(at) - begins, 20);
    this.view.show(begins - took * 0.1, begins + took * 1.1);
    this.move();
    return true;
  }

  keys() {
    const page = Math.max(1, Math.floor(this.rows.element.clientHeight / 28) - 1);
    addKeys([
      { keys: ["j", "ArrowDown"], says: "next event", run: () => this.step(1) },
      { keys: ["k", "ArrowUp"], says: "event before", run: () => this.step(-1) },
      { keys: ["PageDown"], says: "a page down", run: () => this.step(page) },
      { keys: ["PageUp"], says: "a page up", run: () => this.step(-page) },
      { keys: ["Home"], says: "first event", run: () => this.step(-Infinity) },
      { keys: ["End"], says: "last event", run: () => this.step(Infinity) },
      { keys: ["ArrowRight", "l"], says: "unfold", run: () => this.side(false) },
      { keys: ["ArrowLeft", "h"], says: "fold, or go to what it is inside of", run: () => this.side(true) },
      { keys: ["n"], says: "next failure", run: () => this.failure(1) },
      { keys: ["p"], says: "failure before", run: () => this.failure(-1) },
      { keys: ["f"], says: "look at the chosen event's time", run: () => this.focusChosen() },
      { keys: ["+", "="], says: "zoom in", run: () => this.zoom(0.5) },
      { keys: ["-"], says: "zoom out", run: () => this.zoom(2) },
      { keys: ["0"], says: "all of the time", run: () => { this.view.fit(); this.move(); } },
      { keys: ["Shift+ArrowLeft"], says: "earlier", run: () => { this.view.pan(-0.25); this.move(); } },
      { keys: ["Shift+ArrowRight"], says: "later", run: () => { this.view.pan(0.25); this.move(); } },
      { keys: ["e"], says: "failures only", run: () => this.failed?.click() },
      { keys: ["Enter"], says: "into the panel", run: () => {
        if (document.activeElement !== this.rows.element || !this.panel.isOpen) return false;
        one("a, button, summary", this.panel.place)?.focus();
        return true;
      } },
      { keys: ["Escape"], says: "close the panel", run: () => {
        if (!this.panel.isOpen) return false;
        this.panel.close();
        return true;
      } },
    ]);
  }
}

const timelinePlace = one("#timeline");
if (timelinePlace) {
  new Timeline(timelinePlace).begin().catch((error) => {
    timelinePlace.prepend(element("p", { class: "notice", role: "alert" }, `The timeline cannot be drawn: ${error.message}.`));
  });
}
