// The whole session on one strip: every event a line, and the stretch that is looked at. Dragging
// over it looks at what was dragged over.
import { element } from "./dom.js";
import { KINDS } from "./outline.js";

const STRIP = 48;

export class Minimap {
  /** @param {import("./view.js").View} view @param {() => void} moved */
  constructor(view, moved) {
    this.view = view;
    this.moved = moved;
    this.canvas = element("canvas", { "aria-hidden": "true" });
    this.brush = element("div", { class: "brush" });
    this.element = element("div", { class: "minimap", title: "Drag to look at a stretch, double click for all of it" }, this.canvas, this.brush);
    /** @type {{ outline: import("./outline.js").Outline, rows: Int32Array } | null} */
    this.shown = null;
    this.element.addEventListener("pointerdown", (event) => this.drag(event));
    this.element.addEventListener("dblclick", () => { this.view.fit(); this.moved(); });
    new ResizeObserver(() => this.draw()).observe(this.element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** @param {import("./outline.js").Outline} outline @param {Int32Array} rows */
  show(outline, rows) {
    this.shown = { outline, rows };
    this.draw();
  }

  draw() {
    if (!this.shown) return;
    const { outline, rows } = this.shown;
    const width = this.element.clientWidth;
    const scale = devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(width * scale));
    this.canvas.height = Math.round(STRIP * scale);
    const context = this.canvas.getContext("2d");
    if (!context || !width) return;
    const style = getComputedStyle(this.element);
    /** @type {Record<string, string>} */
    const colours = {};
    for (const [letter, kind] of Object.entries(KINDS)) colours[letter] = style.getPropertyValue(`--${kind}`).trim();
    context.scale(scale, scale);
    const span = outline.span();
    const thick = Math.max(STRIP / Math.max(rows.length, 1), 1);
    // What failed is drawn last, on top of the rest.
    for (const failures of [false, true]) {
      for (let row = 0; row < rows.length; row++) {
        const at = rows[row];
        const isFailure = outline.isFailure(at);
        if (isFailure !== failures) continue;
        const left = (outline.columns.at[at] / span) * width;
        const right = (outline.end(at) / span) * width;
        context.fillStyle = colours[isFailure ? "e" : outline.columns.kind[at]];
        context.fillRect(left, (row / rows.length) * STRIP, Math.max(right - left, 1), Math.min(thick, 6));
      }
    }
    this.place();
  }

  /** Puts the frame around the stretch that is looked at. */
  place() {
    const { from, to, span, whole } = this.view;
    this.brush.hidden = whole;
    this.brush.style.left = `${(from / span) * 100}%`;
    this.brush.style.width = `${((to - from) / span) * 100}%`;
  }

  /** @param {PointerEvent} event */
  drag(event) {
    if (event.button !== 0) return;
    const box = this.element.getBoundingClientRect();
    const part = (/** @type {PointerEvent} */ at) => Math.min(Math.max((at.clientX - box.left) / box.width, 0), 1);
    const begun = part(event);
    this.element.setPointerCapture(event.pointerId);
    const move = (/** @type {PointerEvent} */ at) => {
      const now = part(at);
      if (Math.abs(now - begun) * box.width < 4) return;
      this.view.show(Math.min(begun, now) * this.view.span, Math.max(begun, now) * this.view.span);
      this.moved();
    };
    const end = () => {
      this.element.removeEventListener("pointermove", move);
      this.element.removeEventListener("pointerup", end);
      this.element.removeEventListener("pointercancel", end);
    };
    this.element.addEventListener("pointermove", move);
    this.element.addEventListener("pointerup", end);
    this.element.addEventListener("pointercancel", end);
  }
}
