/** The camera lines of one media connection: the customer's own goes up, those of others come down. */

import { CameraRoom, cameraEncoding } from "./camera_room.js";

const FULL = { max_fps: 20, max_kbps: 500 };

/** What the connection's browser objects and the hub's words make of cameras. */
export class CameraLine {
  #sender = null;
  #receivers = [];
  #peer = null;
  #owners = [];
  #rate = FULL;
  #track = null;
  #line = null;
  #sent = null;
  #setting = Promise.resolve();
  #changed;

  /** @param {() => void} changed called when there are other pictures, or when the camera was paused or goes on */
  constructor(changed) {
    this.#changed = changed;
    this.room = new CameraRoom();
    /** Whether the hub sends none for now, since the line has just enough room for the shared screen. */
    this.paused = false;
  }

  /**
   * A connection is made.
   * @param {RTCPeerConnection} peer
   * @param {Map<string, RTCRtpTransceiver>} lines the transceivers by their names
   */
  async attach(peer, lines) {
    this.#peer = peer;
    this.#line = lines.get("camera_up") ?? null;
    this.#sender = this.#line?.sender ?? null;
    this.#sent = null;
    this.#receivers = [1, 2, 3, 4].map((number) => lines.get(`camera_down_${number}`)?.receiver ?? null);
    this.#owners = [];
    this.#rate = FULL;
    await this.#sender?.replaceTrack(this.#track);
  }

  /** The connection is gone. */
  drop() {
    this.#peer = this.#sender = null;
    this.#receivers = [];
    this.#owners = [];
    this.paused = false;
  }

  /** @returns {Map<string, MediaStreamTrack>} the tracks on which the pictures of others come, by whose they are */
  get tracks() {
    const found = new Map();
    this.#owners.forEach((owner, at) => owner && this.#receivers[at] && found.set(owner, this.#receivers[at].track));
    return found;
  }

  /** @param {?MediaStreamTrack} track what the customer shows of himself, or nothing */
  async setTrack(track) {
    this.#track = track;
    if (!track) this.room = new CameraRoom();
    try {
      await this.#sender?.replaceTrack(track);
    } catch (error) {
      console.warn("camera could not be replaced", error.name);
    }
    this.apply();
  }

  /** @param {object} message of the data channel @returns {boolean} whether it was about cameras */
  take(message) {
    if (message.type === "cameras" && Array.isArray(message.owners)) {
      this.#owners = message.owners.slice(0, 4).map(String);
      this.paused = message.paused === true;
      this.#changed();
    } else if (message.type === "camera_rate" && message.max_fps >= 1 && message.max_kbps >= 20) {
      this.#rate = { max_fps: Math.min(message.max_fps, 30), max_kbps: Math.min(message.max_kbps, 2_000) };
      this.apply();
    }
    return message.type === "cameras" || message.type === "camera_rate";
  }

  /** Look at the line once a second. @param {boolean} sharing whether the customer's screen is shown on it too */
  async look(sharing) {
    const peer = this.#peer;
    if (!peer || !this.#track) return;
    const line = { sharing, kbps: null, loss: null, used: null };
    const sent = { at: performance.now(), bytes: 0 };
    if (sharing) {
      for (const report of (await peer.getStats()).values()) {
        if (report.type === "candidate-pair" && report.nominated && report.availableOutgoingBitrate) line.kbps = report.availableOutgoingBitrate / 1_000;
        if (report.type === "remote-inbound-rtp" && report.kind === "video") line.loss = Math.max(line.loss ?? 0, report.fractionLost ?? 0);
        if (report.type === "outbound-rtp" && report.kind === "video" && report.mid !== this.#line?.mid) sent.bytes += report.bytesSent;
      }
      if (this.#sent && sent.bytes >= this.#sent.bytes) line.used = ((sent.bytes - this.#sent.bytes) * 8) / (sent.at - this.#sent.at);
      this.#sent = sent;
    }
    const before = this.room.level;
    if (this.#peer !== peer || this.room.look(line, performance.now()) === before) return;
    this.apply();
    this.#changed();
  }

  /** Set on the sender what is wished for, one thing after the other: Chromium refuses two at a time. */
  apply() {
    this.#setting = this.#setting.then(async () => {
      const sender = this.#sender;
      const parameters = sender?.getParameters();
      if (!this.#track || !parameters?.encodings?.length) return;
      Object.assign(parameters.encodings[0], cameraEncoding(this.#rate, this.room.level, this.#track.getSettings()));
      parameters.degradationPreference = "balanced";
      try {
        await sender.setParameters(parameters);
      } catch (error) {
        console.warn("camera's rate not set", error.name);
      }
    });
  }
}
