/** How much of the customer's line the camera may have beside his screen: the camera gives way first. Pure. */

/** Below so many kbit/s the line has room for the screen alone. */
const TIGHT_KBPS = 700;
const NARROW_KBPS = 1_500;
/** From so many on the next step up is taken, once it has been so for `WAIT_MS`: not to and fro at the edge. */
const ENOUGH_KBPS = { none: 1_000, low: 2_000 };
const WAIT_MS = 5_000;
/** A screen that hardly moves leaves this much of the little that the line is thought to carry: enough for a small camera. */
const SPARE_KBPS = 250;
/** Where a browser does not tell its estimate, this part of the screen's packets lost says the same. */
const LOSSY = 0.08;
const CLEAN = 0.02;

/** Decides once a second. */
export class CameraRoom {
  #since = 0;

  constructor() {
    /** @type {"full"|"low"|"none"} */
    this.level = "full";
  }

  /**
   * @param {{sharing: boolean, kbps: ?number, loss: ?number, used?: ?number}} line whether the screen is shown, what the
   *   browser thinks that the line carries, the part of the screen's packets that was lost, and what the screen takes
   * @param {number} now milliseconds
   * @returns {"full"|"low"|"none"}
   */
  look({ sharing, kbps, loss, used = null }, now) {
    if (!sharing) return this.#set("full");
    const found = kbps ?? (loss === null ? null : loss > LOSSY ? 0 : loss < CLEAN ? Infinity : NARROW_KBPS);
    if (found === null) return this.level;
    // Of what is hardly used the browser thinks too little: a guess that fell once does not rise by itself.
    const spare = kbps !== null && used !== null && kbps - used >= SPARE_KBPS;
    if (found < TIGHT_KBPS && !spare) return this.#set("none");
    if (found < NARROW_KBPS && this.level === "full") return this.#set("low");
    if (this.level === "full" || (found < ENOUGH_KBPS[this.level] && !(spare && this.level === "none"))) {
      this.#since = 0;
    } else if (!this.#since) {
      this.#since = now;
    } else if (now - this.#since >= WAIT_MS) {
      return this.#set(this.level === "none" ? "low" : "full");
    }
    return this.level;
  }

  #set(level) {
    this.level = level;
    this.#since = 0;
    return level;
  }
}

/**
 * @param {{max_fps: number, max_kbps: number}} rate the hub's wish
 * @param {"full"|"low"|"none"} level
 * @param {{width?: number, height?: number}} captured
 * @returns {object} members of the sender's encoding
 */
export function cameraEncoding(rate, level, { width = 640, height = 360 }) {
  const low = level === "low";
  return {
    active: level !== "none",
    maxBitrate: Math.min(rate.max_kbps, low ? 150 : Infinity) * 1_000,
    maxFramerate: Math.min(rate.max_fps, low ? 10 : Infinity),
    // A camera that gives more than was asked for is made smaller here, a narrow line gets half of that.
    scaleResolutionDownBy: Math.max(1, Math.min(width / 640, height / 360)) * (low ? 2 : 1),
    priority: "very-low",
  };
}
