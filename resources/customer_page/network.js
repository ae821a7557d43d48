/** Whether the network lets the screen through (B-2.4): "yes" once it did, "no" when it did not for long, else unknown. */

export const NO_AFTER_MS = 15_000;

/** Watches the media connection. Time counts against the network only while relay and hub are both there. */
export class Network {
  #changed;
  #timer = 0;
  #value;

  /**
   * @param {"yes"|"no"|"unknown"} value known from the start; "no" where the browser has no such connections at all
   * @param {(value: "yes"|"no") => void} changed
   */
  constructor(value, changed) {
    this.#value = value;
    this.#changed = changed;
  }

  /** @returns {"yes"|"no"|"unknown"} */
  get value() {
    return this.#value;
  }

  /**
   * @param {boolean} connected whether the media connection stands
   * @param {boolean} possible whether relay and hub are there, so that it could stand
   */
  look(connected, possible) {
    if (connected) this.#set("yes");
    if (connected || !possible) {
      clearTimeout(this.#timer);
      this.#timer = 0;
    } else if (!this.#timer) {
      this.#timer = setTimeout(() => this.#set("no"), NO_AFTER_MS);
    }
  }

  /** The visit is over. */
  close() {
    clearTimeout(this.#timer);
  }

  #set(value) {
    if (this.#value === value) return;
    this.#value = value;
    this.#changed(value);
  }
}
