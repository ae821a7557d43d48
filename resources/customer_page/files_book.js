/** What this browser remembers of each session's files, over a reload; and what of them it puts away. */

import { folder, remove } from "./files_place.js";

const KEPT = "support.files.";
const DAY_MS = 86_400_000;

export class FilesBook {
  #storage;

  /** @param {?Storage} storage of this browser, where there is one */
  constructor(storage) {
    this.#storage = storage;
  }

  /** @param {string} session @returns {object[]} its lines, as they were kept last; none after a day */
  lines(session) {
    return this.#kept(KEPT + session);
  }

  /** @param {string} session @param {object[]} lines all of them; those of before go */
  keep(session, lines) {
    try {
      this.#storage?.setItem(KEPT + session, JSON.stringify({ at: Date.now(), lines }));
    } catch {}
  }

  /** @param {string} session whose files are nobody's business on this computer any more */
  forget(session) {
    try {
      this.#storage?.removeItem(KEPT + session);
    } catch {}
  }

  /**
   * Put away what no session of this browser lists any more; another tab may be in another one.
   * @param {string} session the one of this page
   * @param {() => Iterable<string>} transfers what it lists by now
   */
  async sweep(session, transfers) {
    try {
      this.#listed(session); // what is out of date goes also where no file is kept
      for await (const name of (await folder()).keys()) {
        // Looked up for each: one may begin meanwhile. What somebody has open waits for the next time.
        if (!this.#listed(session).has(name) && ![...transfers()].includes(name)) await remove(name, { patience: 0 });
      }
    } catch {}
  }

  /** Files that other sessions keep; those that list nothing any more are forgotten. */
  #listed(session) {
    const found = new Set();
    for (const name of Object.keys(this.#storage ?? {})) {
      if (!name.startsWith(KEPT) || name === KEPT + session) continue;
      const lines = this.#kept(name);
      // Of one that ended, and is listed until the relay knows of it, nothing is kept.
      for (const { transfer, state, untold } of lines) if (!untold || state === "done") found.add(transfer);
      if (!lines.length) this.#storage.removeItem(name);
    }
    return found;
  }

  #kept(name) {
    try {
      const { at, lines } = JSON.parse(this.#storage?.getItem(name) ?? "{}");
      return at > Date.now() - DAY_MS ? lines : [];
    } catch {
      return [];
    }
  }
}
