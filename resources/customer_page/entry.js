/** A queue's entry page (`…/help/QUEUE`): what the relay says of the queue, and when to ask again. */

const AGAIN_MS = 60_000;
const FAILED_MS = 5_000;

/**
 * The queue that an address leads to.
 * @param {string} path such as `location.pathname`
 * @returns {string} its slug, empty on any other page
 */
export function queueOf(path) {
  return path.match(/^\/help\/([a-z0-9]+(?:-[a-z0-9]+)*)\/?$/)?.[1] ?? "";
}

/** Knows whether the queue is open; while it is closed it asks again, so that the form comes by itself. */
export class Entry {
  #fetch;
  #changed;
  #now;
  #timer = 0;

  /**
   * @param {string} slug
   * @param {{fetch: (slug: string) => Promise<object>, changed: () => void, now?: () => number}} parts
   *   `fetch` gives the relay's ack for this queue, whatever it says
   */
  constructor(slug, { fetch, changed, now = Date.now }) {
    this.slug = slug;
    this.#fetch = fetch;
    this.#changed = changed;
    this.#now = now;
    /** @type {"asking"|"open"|"closed"|"unknown"} */
    this.state = "asking";
    this.name = "";
    /** @type {?number} when it opens, milliseconds since 1970 */
    this.opensAt = null;
  }

  /** Ask the relay now. */
  async look() {
    clearTimeout(this.#timer);
    let ack = null;
    try {
      ack = await this.#fetch(this.slug);
    } catch {
      // Not reachable; asked again soon.
    }
    if (ack?.ok) {
      this.name = String(ack.value.name ?? "");
      this.opensAt = ack.value.opens_at ?? null;
      this.state = ack.value.is_open ? "open" : "closed";
      if (this.state === "closed") this.#again(Math.min(AGAIN_MS, Math.max(1_000, (this.opensAt ?? Infinity) - this.#now())));
    } else if (ack?.code === "queue_unknown") {
      this.state = "unknown";
    } else {
      this.#again(FAILED_MS);
    }
    this.#changed();
  }

  /** The form is no longer shown: nothing more to ask. */
  close() {
    clearTimeout(this.#timer);
  }

  #again(ms) {
    this.#timer = setTimeout(() => void this.look(), ms);
  }
}
