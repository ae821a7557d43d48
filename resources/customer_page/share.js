/** The customer's screen: the browser's picker, the track, its changes and its end. Stopping acts here first. */

/**
 * Words for what the picker's failure means.
 * @param {Error} error of getDisplayMedia
 * @returns {"dismissed"|"blocked"|"failed"|"missing"}
 */
export function pickerFailure(error) {
  if (error.name === "NotAllowedError") return /system|permissions policy/i.test(error.message) ? "blocked" : "dismissed";
  if (error.name === "AbortError" || error.name === "NotReadableError" || error.name === "InvalidStateError") return "failed";
  if (error.name === "NotFoundError") return "blocked";
  return "missing";
}

/** One share at a time; listeners are told when it ends by the browser's own means, and when what it shows changes. */
export class Share {
  #media;
  #stream = null;
  #onEnded;
  #onChanged;
  #facts = "";

  /**
   * @param {MediaDevices} media
   * @param {{ended: () => void, changed: () => void}} listeners
   */
  constructor(media, { ended, changed }) {
    this.#media = media;
    this.#onEnded = ended;
    this.#onChanged = changed;
  }

  /** @returns {?MediaStreamTrack} */
  get track() {
    return this.#stream?.getVideoTracks()[0] ?? null;
  }

  /** @returns {boolean} */
  get isLive() {
    return this.track?.readyState === "live";
  }

  /**
   * What is shown, in the protocol's words.
   * @returns {{source: ?("monitor"|"window"|"browser"), width: number, height: number}}
   */
  get facts() {
    const settings = this.track?.getSettings() ?? {};
    const source = ["monitor", "window", "browser"].includes(settings.displaySurface) ? settings.displaySurface : null;
    return { source, width: settings.width ?? 0, height: settings.height ?? 0 };
  }

  /**
   * Open the browser's picker. Must be called in the very click: browsers ask for a user gesture. A share that runs
   * goes on until the new one is chosen.
   * @returns {Promise<MediaStreamTrack>}
   * @throws {DOMException} see `pickerFailure`
   */
  async pick() {
    // Members that a browser does not know are ignored (Web IDL dictionaries), so this suits all of them.
    // 45 looks a second at the screen instead of the usual 30: what is new waits 11 ms for the next one and not 17.
    const stream = await this.#media.getDisplayMedia({
      video: { frameRate: { ideal: 45, max: 45 }, displaySurface: "monitor", cursor: "always" },
      audio: false,
      selfBrowserSurface: "exclude",
      surfaceSwitching: "include",
      monitorTypeSurfaces: "include",
    });
    const [track] = stream.getVideoTracks();
    // Screen content: sharp text before smooth motion (W3C mst-content-hint, section 3.2).
    if ("contentHint" in track) track.contentHint = "detail";
    const old = this.#stream;
    this.#stream = stream;
    this.#facts = JSON.stringify(this.facts);
    track.addEventListener("ended", () => {
      if (this.#stream !== stream) return;
      this.#stream = null;
      this.#onEnded();
    });
    track.addEventListener("configurationchange", () => this.look());
    old?.getTracks().forEach((one) => one.stop());
    return track;
  }

  /** Compare what is shown with what was known; called every second, for not every browser tells by itself. */
  look() {
    if (!this.isLive) return;
    const facts = JSON.stringify(this.facts);
    if (facts === this.#facts) return;
    this.#facts = facts;
    this.#onChanged();
  }

  /** Stop at once, whatever the network does. */
  stop() {
    const stream = this.#stream;
    this.#stream = null;
    stream?.getTracks().forEach((track) => track.stop());
  }
}
