/** How fast a file moves, by the last three seconds of it. */

const WINDOW_MS = 3_000;

export class Pace {
  #samples = [];

  /** @param {number} done bytes by now @returns {number} bytes a second */
  rate(done) {
    const now = performance.now();
    this.#samples = this.#samples.filter((one) => now - one.at < WINDOW_MS);
    this.#samples.push({ at: now, done });
    const [first] = this.#samples;
    return now > first.at ? ((done - first.done) / (now - first.at)) * 1_000 : 0;
  }
}
