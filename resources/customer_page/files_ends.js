/** Ends of files that the relay does not know yet: told at once, or as soon as it is there again, also after a reload. */

import { PASSING } from "./chat.js";

const AGAIN_MS = 1_000;
/** Between tries at the most, while the relay is there and takes none. */
const MOST_MS = 30_000;

export class FileEnds {
  #parts;
  #telling = new Set();

  /** @param {{ask: Function, story: object, keep: Function}} parts `keep` puts down what a reload must not forget */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * Tell the relay until it has heard of it, or the session is over.
   * @param {{id: string}} line of the file; its `untold` is the reason for as long as the relay knows nothing
   * @param {string} reason as in ActivityEnd
   */
  async tell(line, reason) {
    if (this.#telling.has(line.id)) return;
    this.#telling.add(line.id);
    line.untold = reason;
    this.#parts.keep();
    if (await this.#isTold(line.id, reason)) line.untold = "";
    this.#telling.delete(line.id);
    this.#parts.keep();
  }

  async #isTold(id, reason) {
    for (let pause = AGAIN_MS; ; pause = Math.min(2 * pause, MOST_MS)) {
      try {
        await this.#parts.ask("activity.stop", { activity_id: id, reason });
        return true;
      } catch (error) {
        if (!PASSING.has(error.code)) return true; // it will never be otherwise
        if (error.code === "offline") pause = AGAIN_MS;
      }
      if (this.#parts.story.phase !== "inside") return false;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
