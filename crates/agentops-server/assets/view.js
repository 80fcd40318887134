// The stretch of time that is looked at.

/** The shortest stretch, in microseconds. */
const SHORTEST = 20;

export class View {
  constructor() {
    this.from = 0;
    this.to = 1;
    this.span = 1;
    /** Whether all of it is looked at, also when it grows. */
    this.whole = true;
  }

  /** @param {number} span */
  grow(span) {
    this.span = span;
    if (this.whole) this.fit();
  }

  fit() {
    this.from = 0;
    this.to = this.span;
    this.whole = true;
  }

  /** @param {number} from @param {number} to */
  show(from, to) {
    const width = Math.min(Math.max(to - from, SHORTEST), Math.max(this.span, SHORTEST));
    this.from = Math.max(0, Math.min(from, this.span - width));
    this.to = this.from + width;
    this.whole = this.from <= 0 && this.to >= this.span;
  }

  /** Keeps `part` (0 to 1 of the stretch) where it is. @param {number} factor @param {number} [part] */
  zoom(factor, part = 0.5) {
    const width = this.to - this.from;
    const at = this.from + width * part;
    this.show(at - width * factor * part, at + width * factor * (1 - part));
  }

  /** Moves by a part of the stretch. @param {number} part */
  pan(part) {
    const by = (this.to - this.from) * part;
    const from = Math.max(0, Math.min(this.from + by, this.span - (this.to - this.from)));
    this.show(from, from + (this.to - this.from));
  }

  /** Where a moment lies, 0 to 1 inside the stretch. @param {number} at */
  place(at) { return (at - this.from) / (this.to - this.from); }
}
