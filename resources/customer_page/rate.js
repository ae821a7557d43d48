/** What the hub wishes of the screen's sender: all of it, or so little that a tab nobody looks at is cheap. */

/** Wishes below this many kbit/s say that nobody looks. */
const LOOKED_AT_KBPS = 1_000;
/** Pixels of a picture at which nobody looks: 480x270, some 15 kB when it is full of moving text. */
const UNSEEN_PIXELS = 480 * 270;
/**
 * The sender's bound while nobody looks. It must not be the wish itself: Chromium
 * probes its line at no more than twice the sum of these bounds (libwebrtc, probe_controller.cc, `InitiateProbing`)
 * and takes what it measures for all there is, so after five seconds at 300 kbit/s the next sharp picture needs
 * seconds. What holds the wish is the size of the picture.
 */
const UNSEEN_KBPS = 2_500;
/** The bound for the first picture afterwards: a small key frame is there sooner, and the next pictures sharpen it. */
const CAREFUL_KBPS = 1_000;
/** How long that bound holds: until the key frame is on its way. */
export const CAREFUL_MS = 250;

/**
 * @param {{max_fps: number, max_kbps: number}} rate the hub's wish
 * @returns {boolean} whether anybody looks
 */
export function isLookedAt(rate) {
  return rate.max_kbps >= LOOKED_AT_KBPS;
}

/**
 * @param {{max_fps: number, max_kbps: number}} rate the hub's wish
 * @param {{width?: number, height?: number}} captured pixels of what is captured, as far as they are known
 * @param {boolean} careful whether the picture has just been asked for again
 * @returns {{maxBitrate: number, maxFramerate: number, scaleResolutionDownBy: number}} members of the encoding
 */
export function encodingFor(rate, { width = 0, height = 0 }, careful) {
  const seen = isLookedAt(rate);
  const kbps = seen ? Math.min(rate.max_kbps, careful ? CAREFUL_KBPS : Infinity) : Math.max(rate.max_kbps, UNSEEN_KBPS);
  return {
    maxBitrate: kbps * 1_000,
    maxFramerate: rate.max_fps,
    scaleResolutionDownBy: seen ? 1 : Math.max(1, Math.sqrt((width * height) / UNSEEN_PIXELS)),
  };
}

/** Sets a sender's encoding, once after the other: Chromium refuses to set two things at a time. */
export class EncodingSetter {
  #busy = null;
  #due = false;

  /**
   * @param {RTCRtpSender} sender
   * @param {() => object} encoding gives the members of the encoding, at the last moment: the newest wish counts
   */
  async set(sender, encoding) {
    this.#due = true;
    if (this.#busy === sender) return; // whoever is at it sees to this one too
    this.#busy = sender;
    while (this.#due && this.#busy === sender) {
      this.#due = false;
      await setOnce(sender, encoding());
    }
    if (this.#busy === sender) this.#busy = null;
  }
}

async function setOnce(sender, encoding) {
  const parameters = sender.getParameters();
  if (!parameters.encodings?.length) return;
  Object.assign(parameters.encodings[0], encoding);
  // Sharpness is kept: text must stay readable.
  parameters.degradationPreference = "maintain-resolution";
  try {
    await sender.setParameters(parameters);
  } catch (error) {
    console.warn("rate not set", error);
  }
}
