/** Makes Chromium look for a line that has become good again: a changed bound makes it probe at once. */

/* libwebrtc, probe_controller.cc, OnMaxTotalAllocatedBitrate; by itself it grows by a few percent a second. */
const NUDGE = 0.975;
/** After a pause the picture wants its full rate at once: then, besides every second. */
const RESUMED_MS = [300, 700];
/** Below this share of the best rate of the connection the line counts as narrow. */
const NARROW = 0.8;
/** With more than this lost, probing would only add to it. */
const LOSSY = 0.02;
/** Seconds to the next probe while they find nothing. */
const EVERY = [1, 1, 2, 4, 8];
/**
 * So many more of the first kind after losses: for some seconds libwebrtc remembers them, and probes at no more than
 * one and a half times what it has (loss_based_bwe_v2.cc; probe_controller.cc, `InitiateProbing`).
 */
const AFTER_LOSSES = 6;

/** Says when to probe; asked once a second. */
export class Prober {
  #best = 0;
  #tries = 0;
  #wait = 0;

  /** Another connection, another line. */
  reset() {
    this.#best = this.#tries = this.#wait = 0;
  }

  /** @param {Iterable<object>} stats of the sender @returns {boolean} whether to probe now */
  look(stats) {
    let target = 0;
    let lost = 0;
    for (const one of stats) {
      target = one.targetBitrate ?? target;
      lost = one.fractionLost ?? lost;
    }
    this.#best = Math.max(this.#best, target);
    if (!target || target >= NARROW * this.#best || lost > LOSSY) {
      this.#tries = lost > LOSSY ? -AFTER_LOSSES : 0;
      this.#wait = 0;
      return false;
    }
    this.#wait -= 1;
    if (this.#wait > 0) return false;
    this.#wait = EVERY[Math.max(0, Math.min(this.#tries, EVERY.length - 1))];
    this.#tries += 1;
    return true;
  }
}

/** Changes a sender's bound by a little where the browser is to probe. */
export class Nudger extends Prober {
  #sender;
  #apply;
  factor = 1;

  /**
   * @param {() => ?RTCRtpSender} sender while there is something to send in full
   * @param {() => Promise<void>} apply sets the bound
   */
  constructor(sender, apply) {
    super();
    this.#sender = sender;
    this.#apply = apply;
  }

  /** @param {{maxBitrate: number}} encoding @returns {object} the same with the bound of now */
  bound(encoding) {
    return { ...encoding, maxBitrate: Math.round(encoding.maxBitrate * this.factor) };
  }

  /** Sending begins again. */
  resumed() {
    for (const ms of RESUMED_MS) setTimeout(() => void this.seek(), ms);
  }

  async seek() {
    const sender = this.#sender();
    const stats = await sender?.getStats?.();
    if (!stats || this.#sender() !== sender || !this.look(stats.values())) return;
    this.factor = this.factor === 1 ? NUDGE : 1;
    await this.#apply();
  }
}
