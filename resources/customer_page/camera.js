/** The customer's camera: the browser's question, the track, another camera instead, and its end. Stopping acts here first. */

const WANTED = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 20, max: 24 } };

/** One camera at a time; `ended` is called when it goes by itself: unplugged, or taken back in the browser. */
export class Camera {
  #media;
  #ended;
  #stream = null;

  /**
   * @param {MediaDevices} media
   * @param {() => void} ended
   */
  constructor(media, ended) {
    this.#media = media;
    this.#ended = ended;
  }

  /** @returns {?MediaStreamTrack} */
  get track() {
    return this.#stream?.getVideoTracks()[0] ?? null;
  }

  /** @returns {boolean} */
  get isLive() {
    return this.track?.readyState === "live";
  }

  /** @returns {string} the id of the camera in use, empty if none is */
  get id() {
    return this.track?.getSettings().deviceId ?? "";
  }

  /**
   * Ask the browser for the camera. Must be called in the very click.
   * @param {string} [id] of another camera than the browser's own choice
   * @throws {Error} see `media_errors.js`
   */
  async start(id = "") {
    const stream = await this.#media.getUserMedia({ video: id ? { ...WANTED, deviceId: { exact: id } } : WANTED, audio: false });
    const old = this.#stream;
    this.#stream = stream;
    const [track] = stream.getVideoTracks();
    if ("contentHint" in track) track.contentHint = "motion";
    track.addEventListener("ended", () => {
      if (this.#stream !== stream) return;
      this.#stream = null;
      this.#ended();
    });
    old?.getTracks().forEach((one) => one.stop());
  }

  /** @returns {Promise<Array<{id: string, name: string}>>} the cameras there are; names are known once one was allowed */
  async choices() {
    try {
      const found = (await this.#media.enumerateDevices()).filter((one) => one.kind === "videoinput" && one.deviceId);
      return found.map((one, at) => ({ id: one.deviceId, name: one.label || String(at + 1) }));
    } catch {
      return []; // a policy forbids looking
    }
  }

  /** Stop at once, whatever the network does. */
  stop() {
    const stream = this.#stream;
    this.#stream = null;
    stream?.getTracks().forEach((track) => track.stop());
  }
}
