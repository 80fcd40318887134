// The rows of the timeline. Only those in sight exist: each of a few elements is moved to the row
// it shows, so fifty thousand events cost as much as fifty.
import { element } from "./dom.js";
import { KINDS, KIND_WORDS, OUTCOMES } from "./outline.js";
import { count, duration } from "./text.js";

/** The height of a row, as the style sheet has it. */
const ROW = 28;
/** Rows that exist above and below those in sight. */
const SPARE = 6;
/** Deeper events stand no further to the right. */
const DEEPEST = 16;

/** @typedef {{ row: HTMLElement, label: HTMLElement, twist: HTMLElement, glyph: HTMLElement, kind: HTMLElement, name: HTMLElement, outcome: HTMLElement, extra: HTMLElement, took: HTMLElement, bar: HTMLElement, shows: number }} Slot */

export class Rows {
  /**
   * @param {import("./view.js").View} view
   * @param {{ choose: (at: number) => void, fold: (at: number) => void }} told
   */
  constructor(view, told) {
    this.view = view;
    this.told = told;
    /** @type {import("./outline.js").Outline | null} */
    this.outline = null;
    /** @type {Int32Array} */
    this.rows = new Int32Array(0);
    /** @type {Uint8Array | null} */
    this.hits = null;
    /** @type {Set<string>} */
    this.folded = new Set();
    this.chosen = -1;
    /** @type {Slot[]} */
    this.slots = [];
    this.space = element("div", { class: "space", role: "presentation" });
    this.element = element("div", { class: "rows", role: "tree", tabindex: "0", "aria-label": "Events" }, this.space);
    this.element.addEventListener("scroll", () => this.draw(false), { passive: true });
    this.element.addEventListener("click", (event) => this.clicked(event));
    new ResizeObserver(() => this.draw(true)).observe(this.element);
  }

  /** @param {import("./outline.js").Outline} outline @param {{ rows: Int32Array, hits: Uint8Array | null }} shown */
  show(outline, shown) {
    this.outline = outline;
    this.rows = shown.rows;
    this.hits = shown.hits;
    this.space.style.height = `${this.rows.length * ROW}px`;
    this.draw(true);
  }

  /** @param {boolean} anew whether rows that are there have changed */
  draw(anew) {
    if (!this.outline) return;
    const height = this.element.clientHeight || 600;
    const wanted = Math.ceil(height / ROW) + 2 * SPARE;
    while (this.slots.length < wanted) this.slots.push(this.slot());
    const laneWidth = this.laneWidth(anew);
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW) - SPARE);
    const last = Math.min(this.rows.length, first + this.slots.length);
    // A row keeps its element while both are in sight.
    const used = new Set();
    for (let row = first; row < last; row++) {
      const slot = this.slots[row % this.slots.length];
      used.add(slot);
      if (anew || slot.shows !== row) this.fill(slot, row, laneWidth);
    }
    for (const slot of this.slots) {
      if (!used.has(slot) && slot.shows !== -1) {
        slot.shows = -1;
        slot.row.hidden = true;
      }
    }
    this.mark();
  }

  /** @param {boolean} anew */
  laneWidth(anew) {
    if (anew || !this.width) {
      const lane = this.slots[0]?.bar.parentElement;
      const hidden = this.slots[0]?.row.hidden;
      if (this.slots[0]) this.slots[0].row.hidden = false;
      this.width = lane?.clientWidth || 400;
      if (this.slots[0] && hidden) this.slots[0].row.hidden = true;
    }
    return this.width;
  }

  /** @returns {Slot} */
  slot() {
    const twist = element("span", { class: "twist", "aria-hidden": "true" });
    const glyph = element("span", { class: "glyph", "aria-hidden": "true" });
    // What colour and shape say, in words.
    const kind = element("span", { class: "sr" });
    const name = element("bdi", { class: "name" });
    const outcome = element("span", { class: "outcome" });
    const label = element("span", { class: "label" }, twist, glyph, kind, name, outcome);
    const extra = element("span", { class: "extra" });
    const took = element("span", { class: "took" });
    const spent = element("span", { class: "spent" }, extra, took);
    const bar = element("span", { class: "bar" });
    const row = element("div", { class: "row", role: "treeitem", id: `row-${this.slots.length}`, "aria-selected": "false" },
      element("span", { class: "cell" }, label, spent), element("span", { class: "lane", "aria-hidden": "true" }, bar));
    row.hidden = true;
    this.space.append(row);
    return { row, label, twist, glyph, kind, name, outcome, extra, took, bar, shows: -1 };
  }

  /** @param {Slot} slot @param {number} row @param {number} width */
  fill(slot, row, width) {
    const outline = /** @type {import("./outline.js").Outline} */ (this.outline);
    const columns = outline.columns;
    const at = this.rows[row];
    const kind = columns.kind[at];
    const status = OUTCOMES[columns.status[at]];
    const expected = columns.status[at] === "o" || (kind === "e" && columns.status[at] === "e");
    const title = outline.title(at);
    const begins = columns.at[at];
    const took = outline.end(at) - begins;
    const length = kind === "e" ? "" : duration(took);
    slot.shows = row;
    slot.row.hidden = false;
    slot.row.className = `row k-${KINDS[kind]} ended-${status}${this.hits?.[at] === 1 ? " faint" : ""}`;
    slot.row.style.transform = `translateY(${row * ROW}px)`;
    slot.row.setAttribute("aria-level", String(columns.depth[at] + 1));
    slot.kind.textContent = `${KIND_WORDS[kind]} `;
    const inside = outline.hasInside(at);
    const isOpen = !this.folded.has(columns.id[at]);
    if (inside) slot.row.setAttribute("aria-expanded", String(isOpen));
    else slot.row.removeAttribute("aria-expanded");
    slot.twist.className = `twist${inside ? (isOpen ? " open" : " shut") : ""}`;
    slot.label.style.paddingInlineStart = `${Math.min(columns.depth[at], DEEPEST) * 14}px`;
    slot.glyph.className = `glyph k-${KINDS[kind]}`;
    slot.name.textContent = kind === "e" && columns.message[at] ? `${title}: ${columns.message[at]}` : title;
    slot.outcome.textContent = ` ${status} `;
    slot.outcome.className = expected ? "sr" : `outcome o-${status}`;
    slot.row.title = `${title}\n+${duration(begins)}${length && `, took ${length}`}`;
    const spent = [];
    if (columns.tokens[at]) spent.push(`${count(columns.tokens[at])} tok`);
    if (columns.cost[at]) spent.push(columns.cost[at]);
    slot.extra.textContent = spent.join(" · ");
    slot.took.textContent = length;
    const left = this.view.place(begins) * width;
    const right = this.view.place(begins + took) * width;
    const from = Math.max(left, -4);
    slot.bar.hidden = right < -4 || left > width + 4;
    slot.bar.style.left = `${from}px`;
    slot.bar.style.width = `${Math.max(Math.min(right, width + 4) - from, 3)}px`;
  }

  mark() {
    let active = "";
    for (const slot of this.slots) {
      const is = slot.shows >= 0 && this.rows[slot.shows] === this.chosen;
      slot.row.setAttribute("aria-selected", String(is));
      if (is) active = slot.row.id;
    }
    if (active) this.element.setAttribute("aria-activedescendant", active);
    else this.element.removeAttribute("aria-activedescendant");
  }

  /** Chooses an event and brings its row into sight. @param {number} at */
  choose(at) {
    this.chosen = at;
    const row = this.rowOf(at);
    if (row >= 0) {
      const top = row * ROW;
      const height = this.element.clientHeight;
      if (top < this.element.scrollTop) this.element.scrollTop = top - ROW;
      else if (top + ROW > this.element.scrollTop + height) this.element.scrollTop = top + 2 * ROW - height;
    }
    this.draw(false);
  }

  /** The row of an event; -1 when it is not shown. @param {number} at */
  rowOf(at) {
    // Rows rise by position.
    let low = 0, high = this.rows.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (this.rows[middle] === at) return middle;
      if (this.rows[middle] < at) low = middle + 1; else high = middle - 1;
    }
    return -1;
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const slot = this.slots.find((slot) => slot.row.contains(target));
    if (!slot || slot.shows < 0) return;
    const at = this.rows[slot.shows];
    if (slot.twist.contains(target) && this.outline?.hasInside(at)) this.told.fold(at);
    else this.told.choose(at);
  }
}
