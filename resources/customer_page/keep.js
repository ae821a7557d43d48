/** What must survive a reload or a closed tab: the way back into the session, and chat lines not yet delivered. */

const TAB = "support.here";
const ALL = "support.sessions";
const PENDING = "support.pending.";
const NOTES = "support.notes";
const LANGUAGE = "support.language";
const AGAIN = "support.again";
const MOST = 5;
const MOST_PENDING = 50;
const DAY_MS = 86_400_000;

/**
 * A short fingerprint of the link's token, so that the link can be recognised without keeping the token itself.
 * FNV-1a; it protects nothing, it only tells links apart.
 * @param {string} token
 * @returns {string}
 */
export function fingerprint(token) {
  let hash = 0x811c9dc5;
  for (let place = 0; place < token.length; place += 1) {
    hash = Math.imul(hash ^ token.charCodeAt(place), 0x01000193) >>> 0;
  }
  return hash.toString(16);
}

/**
 * @typedef {{id: string, number: string, link: string, queue?: string, token: string, name: string, wrote?: string, at: number,
 *   shared?: boolean}} Kept `wrote` is what stood on the queue's entry form
 */

/** Keeps records in the tab's and the browser's storage; a browser that refuses storage only loses the comfort. */
export class Keep {
  #tab;
  #browser;
  #now;

  /**
   * @param {?Storage} tab sessionStorage
   * @param {?Storage} browser localStorage
   * @param {() => number} now milliseconds
   */
  constructor(tab, browser, now = Date.now) {
    this.#tab = tab;
    this.#browser = browser;
    this.#now = now;
  }

  /** @returns {?Storage} the browser's own, for what has modules of its own */
  get browser() {
    return this.#browser;
  }

  /**
   * The session to return to: this tab's own, else the one of the link, the number or the queue's entry form.
   * @param {{token?: ?string, number?: ?string, queue?: ?string}} asked
   * @returns {?Kept}
   */
  find({ token = null, number = null, queue = null }) {
    const all = this.#all();
    const here = all.find((kept) => kept.id === this.#read(this.#tab, TAB));
    if (token) {
      const link = fingerprint(token);
      return here?.link === link ? here : (all.find((kept) => kept.link === link) ?? null);
    }
    if (queue) return here?.queue === queue ? here : (all.find((kept) => kept.queue === queue) ?? null);
    if (number) return all.find((kept) => kept.number === number) ?? null;
    return here ?? null;
  }

  /** @param {Omit<Kept, "at">} mine @returns {?Kept} what is kept of that session, where another tab has gone on with it since */
  newer(mine) {
    return this.#all().find((kept) => kept.id === mine.id && kept.token !== mine.token) ?? null;
  }

  /** @param {Omit<Kept, "at">} kept */
  save(kept) {
    const others = this.#all().filter((other) => other.id !== kept.id);
    for (const forgotten of others.splice(MOST - 1)) this.#drop(this.#browser, PENDING + forgotten.id);
    this.#write(this.#browser, ALL, [{ ...kept, at: this.#now() }, ...others]);
    this.enterTab(kept.id);
    this.#drop(this.#tab, AGAIN);
  }

  /** @param {string} id of the session to forget entirely */
  clear(id) {
    this.#write(this.#browser, ALL, this.#all().filter((kept) => kept.id !== id));
    if (this.#read(this.#tab, TAB) === id) this.#drop(this.#tab, TAB);
    this.#drop(this.#tab, NOTES);
    this.#drop(this.#browser, PENDING + id);
  }

  /** @param {string} id of the session in which this tab is, so that a reload leads there */
  enterTab(id) {
    this.#write(this.#tab, TAB, id);
  }

  /** Forget only that this tab is in a session, e.g. because another tab took over. */
  leaveTab() {
    this.#drop(this.#tab, TAB);
  }

  /** @param {string} id @returns {Array<{id: string, text: string, at: number}>} chat lines not yet delivered */
  pending(id) {
    const found = this.#read(this.#browser, PENDING + id);
    return Array.isArray(found) ? found : [];
  }

  /** @param {string} id @param {Array<{id: string, text: string, at: number}>} lines */
  savePending(id, lines) {
    // The newest are kept: what a person wrote last is what he would miss most.
    if (lines.length) this.#write(this.#browser, PENDING + id, lines.slice(-MOST_PENDING));
    else this.#drop(this.#browser, PENDING + id);
  }

  /** @param {string} id @returns {object[]} what happened in this tab's session before the page was loaded again */
  notes(id) {
    const found = this.#read(this.#tab, NOTES);
    return found?.id === id && Array.isArray(found.notes) ? found.notes : [];
  }

  /** @param {string} id @param {object[]} notes */
  saveNotes(id, notes) {
    this.#write(this.#tab, NOTES, { id, notes });
  }

  /** @returns {?string} the language chosen by hand */
  get language() {
    const found = this.#read(this.#browser, LANGUAGE);
    return typeof found === "string" ? found : null;
  }

  set language(value) {
    this.#write(this.#browser, LANGUAGE, value);
  }

  /** @returns {{name: string, number: string}} what this tab's form begins with, for whoever comes again */
  get again() {
    const found = this.#read(this.#tab, AGAIN);
    const words = (value) => (typeof value === "string" ? value : "");
    return { name: words(found?.name), number: words(found?.number) };
  }

  /** Only what the customer can read and type himself; never a token. It goes with the tab, or once he is in again. */
  set again({ name, number }) {
    this.#write(this.#tab, AGAIN, { name, number });
  }

  #all() {
    const found = this.#read(this.#browser, ALL);
    const fresh = this.#now() - DAY_MS;
    return Array.isArray(found) ? found.filter((kept) => kept && typeof kept.token === "string" && kept.at > fresh) : [];
  }

  #read(storage, key) {
    try {
      return JSON.parse(storage?.getItem(key) ?? "null");
    } catch {
      return null;
    }
  }

  #write(storage, key, value) {
    try {
      storage?.setItem(key, JSON.stringify(value));
    } catch {
      // Full or forbidden (private windows): the page works on, a reload then asks for the name again.
    }
  }

  #drop(storage, key) {
    try {
      storage?.removeItem(key);
    } catch {
      // As above.
    }
  }
}
