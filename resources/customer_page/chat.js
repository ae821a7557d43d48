/** The customer's chat lines on their way: kept until the relay has them, sent again after a break, never doubled. */

/** @returns {string} an identifier that nobody else will choose */
export function freshId() {
  // crypto.randomUUID exists in secure contexts only; chat must also work without one.
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * What is sent of what was typed.
 * @param {string} text
 * @param {number} most in Unicode code points after NFC, as the relay counts
 * @returns {string} empty when there is nothing to send
 */
export function cleaned(text, most) {
  return [...text.normalize("NFC").trim()].slice(0, most).join("").trim();
}

const RETRY_MS = 3_000;
/** Refusals after which the same line can succeed later. */
export const PASSING = new Set(["offline", "timeout", "too_fast", "relay_busy", "relay_stopping", "internal"]);

/**
 * Lines of one session that the relay has not confirmed yet, oldest first.
 * @typedef {{id: string, text: string, at: number, failed?: ?string}} Pending
 */
export class Outbox {
  #send;
  #save;
  #changed;
  #wait;
  #sending = false;

  /**
   * @param {{send: (line: {line_id: string, text: string}) => Promise<unknown>,
   *   save: (lines: Pending[]) => void, changed: () => void, lines?: Pending[],
   *   wait?: (ms: number) => Promise<void>}} parts
   */
  constructor({ send, save, changed, lines = [], wait = (ms) => new Promise((done) => setTimeout(done, ms)) }) {
    this.#send = send;
    this.#save = save;
    this.#changed = changed;
    this.#wait = wait;
    /** @type {Pending[]} */
    this.lines = lines;
  }

  /**
   * Add a line and try to send it.
   * @param {string} text
   * @param {number} at
   */
  add(text, at) {
    this.lines.push({ id: freshId(), text, at });
    this.#save(this.lines);
    this.#changed();
    return this.flush();
  }

  /**
   * A line of mine came back in the transcript, so it is delivered.
   * @param {string} id
   */
  arrived(id) {
    const before = this.lines.length;
    this.lines = this.lines.filter((line) => line.id !== id);
    if (this.lines.length !== before) this.#save(this.lines);
  }

  /**
   * Try a line again that was refused for good; under its old id, so that it can never stand there twice.
   * @param {string} id
   */
  again(id) {
    const line = this.lines.find((one) => one.id === id);
    if (!line?.failed) return Promise.resolve();
    delete line.failed;
    this.#save(this.lines);
    this.#changed();
    return this.flush();
  }

  /** Send what waits, one by one, so that the order stays. */
  async flush() {
    if (this.#sending) return;
    this.#sending = true;
    try {
      for (;;) {
        const line = this.lines.find((one) => !one.failed);
        if (!line) return;
        try {
          await this.#send({ line_id: line.id, text: line.text });
          this.arrived(line.id);
        } catch (error) {
          if (error.code === "offline") return;
          if (PASSING.has(error.code)) await this.#wait(RETRY_MS);
          else {
            line.failed = error.code ?? "internal";
            this.#save(this.lines); // after a reload it still waits for the customer's own "Try again"
          }
        }
        this.#changed();
      }
    } finally {
      this.#sending = false;
    }
  }
}
