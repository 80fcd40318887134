// The panel of the chosen event: made by the server, given its buttons here.
import { all, copy, element, one, page } from "./dom.js";

/** Gives the parts of a panel or page what needs a script. @param {ParentNode} within */
export function enliven(within) {
  for (const button of all("[data-copy-text]", within)) {
    button.hidden = false;
    button.onclick = () => copy(button, button.dataset.copyText ?? "");
  }
  for (const value of all("[data-value]", within)) enlivenValue(value);
}

/** @param {HTMLElement} value */
function enlivenValue(value) {
  const tools = one(".tools", value);
  if (!tools) return;
  const tree = one(".json", value);
  const folds = () => /** @type {HTMLDetailsElement[]} */ (all("details", value.querySelector(".json") ?? value));
  // A plain value has nothing to look for.
  const isPlain = folds().length === 0;
  tools.hidden = false;
  const find = /** @type {HTMLInputElement | null} */ (one("[data-find]", tools));
  const unfold = one("[data-unfold]", tools);
  const copier = one("[data-copy]", tools);
  if (find) {
    find.hidden = isPlain;
    find.oninput = () => tree && findIn(tree, find.value);
  }
  if (unfold) {
    unfold.hidden = isPlain;
    unfold.onclick = () => {
      const open = folds().some((fold) => !fold.open);
      for (const fold of folds()) fold.open = open;
      unfold.textContent = open ? "Fold" : "Unfold";
    };
  }
  if (copier) {
    copier.onclick = () => copy(copier, one(".source", value)?.textContent ?? "");
  }
}

/** Marks what has a text in it, and opens what it is in. @param {HTMLElement} tree @param {string} text */
function findIn(tree, text) {
  const wanted = text.trim().toLowerCase();
  for (const part of all(".key, .v, .s", tree)) {
    const hit = wanted !== "" && (part.textContent ?? "").toLowerCase().includes(wanted);
    part.classList.toggle("hit", hit);
    if (!hit) continue;
    for (let above = part.parentElement; above && above !== tree; above = above.parentElement) {
      if (above instanceof HTMLDetailsElement) above.open = true;
    }
  }
  one(".hit", tree)?.scrollIntoView({ block: "nearest" });
}

export class Panel {
  /**
   * @param {HTMLElement} place
   * @param {string} path the session's page; empty in a file of its own
   * @param {{ jump: (id: string) => void, closed: () => void }} told
   */
  constructor(place, path, told) {
    this.place = place;
    this.path = path;
    this.told = told;
    this.wanted = "";
    place.addEventListener("click", (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      const jump = /** @type {HTMLElement | null} */ (target.closest("[data-jump]"));
      if (jump) {
        event.preventDefault();
        told.jump(jump.dataset.jump ?? "");
      } else if (target.closest("[data-close]")) {
        event.preventDefault();
        this.close();
      }
    });
    enliven(place);
  }

  get isOpen() { return !this.place.hidden; }

  /** @param {string} id */
  async show(id) {
    this.wanted = id;
    this.place.hidden = false;
    const shows = one("article", this.place)?.dataset.event;
    if (shows !== id) this.place.classList.add("waits");
    try {
      const article = this.path ? await this.fetched(id) : this.kept(id);
      // Another may have been chosen meanwhile.
      if (this.wanted !== id) return;
      const scroll = shows === id ? this.place.scrollTop : 0;
      this.place.replaceChildren(article);
      this.place.scrollTop = scroll;
      enliven(this.place);
    } catch (error) {
      if (this.wanted !== id) return;
      const again = element("button", { type: "button", click: () => this.show(id) }, "Try again");
      this.place.replaceChildren(element("p", { class: "notice", role: "alert" },
        `The event cannot be shown: ${error instanceof Error ? error.message : error}. `, again));
    } finally {
      if (this.wanted === id) this.place.classList.remove("waits");
    }
  }

  /** @param {string} id @returns {Promise<Element>} */
  async fetched(id) {
    const got = await page(`${this.path}/events/${encodeURIComponent(id)}/panel`);
    const article = got.querySelector("article");
    if (!article) throw new Error("it is gone");
    return document.importNode(article, true);
  }

  /** @param {string} id @returns {Element} */
  kept(id) {
    const article = all("#listed article").find((article) => article.dataset.event === id);
    if (!article) throw new Error("it is not in this file");
    return /** @type {Element} */ (article.cloneNode(true));
  }

  close() {
    this.wanted = "";
    this.place.hidden = true;
    this.told.closed();
  }
}
