// The events of a session as columns in the order of their tree, and which of them are shown.

/**
 * @typedef {object} Columns
 * @property {number} start
 * @property {number} end
 * @property {number} now
 * @property {boolean} running
 * @property {number} total
 * @property {string[]} names
 * @property {[string, string][]} agents
 * @property {string[]} id
 * @property {number[]} depth
 * @property {number[]} name
 * @property {number[]} agent
 * @property {number[]} at
 * @property {number[]} took
 * @property {number[]} tokens
 * @property {string} kind
 * @property {string} status
 * @property {Record<string, string>} cost
 * @property {Record<string, string>} message
 */

/** @typedef {{ text: string, kinds: Set<string>, failed: boolean, agent: string }} Wanted */

/** @type {Record<string, string>} */
export const KINDS = { a: "actions", l: "llms", t: "tools", e: "errors" };
/** @type {Record<string, string>} */
export const KIND_WORDS = { a: "action", l: "LLM", t: "tool", e: "error" };
/** @type {Record<string, string>} */
export const OUTCOMES = { o: "ok", e: "error", p: "panicked", c: "cancelled", r: "running", i: "interrupted", u: "unknown" };

export class Outline {
  /** @param {Columns} columns */
  constructor(columns) {
    this.columns = columns;
    this.length = columns.id.length;
    /** The event above each; -1 at the top. */
    this.above = new Int32Array(this.length);
    /** The position behind everything inside each. */
    this.behind = new Int32Array(this.length).fill(this.length);
    /** When this was fetched, so that what runs can grow. */
    this.fetched = performance.now();
    const open = [];
    for (let at = 0; at < this.length; at++) {
      while (open.length && columns.depth[open[open.length - 1]] >= columns.depth[at]) {
        this.behind[/** @type {number} */ (open.pop())] = at;
      }
      this.above[at] = open.length ? open[open.length - 1] : -1;
      open.push(at);
    }
    /** @type {Map<string, number> | null} */
    this.positions = null;
  }

  /** The position of an event; -1 when it is not here. @param {string} id */
  find(id) {
    if (!this.positions) {
      this.positions = new Map();
      this.columns.id.forEach((known, at) => this.positions?.set(known, at));
    }
    return this.positions.get(id) ?? -1;
  }

  /** Microseconds from the start to the end, or to now while it runs. */
  span() {
    const { start, end, now, running } = this.columns;
    const last = running ? Math.max(now + (performance.now() - this.fetched) * 1000, end) : end;
    return Math.max(last - start, 1);
  }

  /** When an event ended; what runs ends now. @param {number} at */
  end(at) {
    const took = this.columns.took[at];
    if (took >= 0) return this.columns.at[at] + took;
    return this.columns.status[at] === "r" ? this.span() : this.columns.at[at];
  }

  /** @param {number} at */
  title(at) { return this.columns.names[this.columns.name[at]]; }

  /** @param {number} at */
  isFailure(at) {
    return this.columns.kind[at] === "e" || this.columns.status[at] === "e" || this.columns.status[at] === "p";
  }

  /** @param {number} at */
  hasInside(at) { return this.behind[at] > at + 1; }

  /**
   * The positions to show: what is wanted with everything above it, without what is folded away.
   * @param {Wanted} wanted @param {Set<string>} folded
   */
  shown(wanted, folded) {
    const kept = this.kept(wanted);
    const shown = new Int32Array(this.length);
    let length = 0;
    for (let at = 0; at < this.length; at++) {
      if (kept && !kept[at]) continue;
      shown[length++] = at;
      if (folded.size && folded.has(this.columns.id[at])) at = this.behind[at] - 1;
    }
    return { rows: shown.subarray(0, length), hits: kept };
  }

  /** 2: wanted, 1: above something wanted; null: everything is. @param {Wanted} wanted */
  kept(wanted) {
    const text = wanted.text.trim().toLowerCase();
    const agent = wanted.agent === "" ? -1 : this.columns.agents.findIndex(([id]) => id === wanted.agent);
    if (!text && wanted.agent === "" && !wanted.failed && wanted.kinds.size === 0) return null;
    const named = this.columns.names.map((name) => !text || name.toLowerCase().includes(text));
    const kept = new Uint8Array(this.length);
    for (let at = this.length - 1; at >= 0; at--) {
      const fits = (named[this.columns.name[at]] || (text && this.columns.message[at]?.toLowerCase().includes(text)))
        && (wanted.kinds.size === 0 || wanted.kinds.has(this.columns.kind[at]))
        && (!wanted.failed || this.isFailure(at))
        && (wanted.agent === "" || this.columns.agent[at] === agent);
      if (fits) kept[at] = 2;
      if (kept[at] && this.above[at] >= 0 && !kept[this.above[at]]) kept[this.above[at]] = 1;
    }
    return kept;
  }
}
