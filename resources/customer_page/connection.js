/** The one media connection to the hub (the rep's app): offers, trickles, beats, obeys the asked rate, heals itself. */

import { addLines } from "./media_lines.js";
import { Ice } from "./ice.js";
import { CameraLine } from "./camera_line.js";
import { Nudger } from "./prober.js";
import { CAREFUL_MS, EncodingSetter, encodingFor, isLookedAt } from "./rate.js";

const FULL_RATE = { max_fps: 30, max_kbps: 8_000 };
const MOST_WAITING = 64 * 1024;
const CONNECT_MS = 6_000;
const AGAIN_MS = [1_000, 2_000, 4_000, 8_000];

/**
 * The epoch of the next connection: above every one before, whatever was forgotten (a reload, a restarted hub).
 * @param {number} last of this page
 * @param {number} asked by the hub
 * @param {number} now milliseconds
 * @returns {number}
 */
export function nextEpoch(last, asked, now) {
  return Math.max(last + 1, asked, now);
}

/** Holds the connection; `signal` carries messages to the hub, and `state` is told what the connection is worth. */
export class Connection {
  #parts;
  #peer = null;
  #share = null;
  #down = null;
  #voice = null;
  #spoken = null;
  #channel = null;
  #epoch = 0;
  #track = null;
  #wasShown = false;
  #rate = FULL_RATE;
  #careful = 0;
  #setter = new EncodingSetter();
  #nudger = new Nudger(() => (this.#track?.readyState === "live" && isLookedAt(this.#rate) ? this.#share?.sender : null), () => this.#applyRate());
  #ice = new Ice();
  #heard = 0;
  #lastBeat = null;
  #beat = 0;
  #again = 0;
  #failures = 0;
  #state = "none";
  #size = "";

  /**
   * @param {{lines: readonly string[], label: string, heartbeatMs: number, deadMs: number,
   *   signal: (epoch: number, signal: object) => Promise<void>, state: (state: string) => void,
   *   refresh: () => Promise<?object[]>, ready: () => boolean, tick: () => void, down?: () => void,
   *   heard?: (message: object) => void, epoch?: number}} parts
   *   `epoch` is that of the connection before this one,
   *   `refresh` gives the ICE servers anew (and proves the relay alive), `ready` says whether hub and relay are there,
   *   `tick` is called with every beat, `down` when there is another track on which shares are handed on,
   *   `heard` with every message that is not about the connection itself
   */
  constructor(parts) {
    this.#parts = parts;
    this.cameras = new CameraLine(() => parts.down?.());
    this.#epoch = parts.epoch ?? 0;
  }

  /** @returns {number} of the newest connection that was offered */
  get epoch() {
    return this.#epoch;
  }

  /** @returns {string} none, connecting, connected or lost */
  get state() {
    return this.#state;
  }

  /** @returns {?MediaStreamTrack} on which the hub hands on what others show */
  get down() {
    return this.#down;
  }

  /** @returns {?MediaStreamTrack} on which the hub sends the call */
  get sound() {
    return this.#voice?.receiver?.track ?? null;
  }

  /** @param {?MediaStreamTrack} track this customer's microphone, or nothing; it goes into every later connection too */
  setVoice(track) {
    this.#spoken = track;
    this.#voice?.sender.replaceTrack(track).catch((error) => console.warn("microphone could not be replaced", error));
  }

  /** @param {Ice} ice for the next connection */
  setIce(ice) {
    this.#ice = ice;
  }

  /**
   * Offer a fresh connection; the older one goes.
   * @param {number} [asked] the least epoch that the hub wants
   */
  async offer(asked = 0) {
    clearTimeout(this.#again);
    if (!this.#parts.ready()) {
      this.#set("lost");
      return;
    }
    this.#drop();
    const epoch = nextEpoch(this.#epoch, asked, Date.now());
    this.#epoch = epoch;
    if (this.#ice.isStale()) {
      this.#set(this.#failures ? "lost" : "connecting");
      // Without fresh credentials there may still be a direct way.
      await this.#parts.refresh().then((ice) => this.setIce(new Ice(ice)), (error) => console.warn("no fresh media servers", error?.code));
      if (this.#epoch !== epoch || this.#state === "none") return;
    }
    const peer = new RTCPeerConnection(this.#ice.configuration);
    this.#peer = peer;
    this.#rate = FULL_RATE;
    this.#heard = 0;
    this.#set(this.#failures ? "lost" : "connecting");
    const { made, channel } = addLines(peer, this.#parts.lines, this.#parts.label);
    const share = made.get("share_up");
    this.#share = share;
    this.#down = made.get("share_down")?.receiver?.track ?? null;
    const voice = made.get("voice") ?? null;
    this.#voice = voice;
    this.#parts.down?.();
    this.#channel = channel;
    channel.addEventListener("open", () => this.#opened(peer));
    channel.addEventListener("message", (event) => this.#message(peer, event.data));
    channel.addEventListener("close", () => this.#lost(peer));
    peer.addEventListener("connectionstatechange", () => {
      if (peer.connectionState === "failed" || peer.connectionState === "closed") this.#lost(peer);
    });
    peer.addEventListener("icecandidate", ({ candidate }) => {
      if (this.#peer !== peer) return;
      void this.#say(epoch, {
        type: "candidate",
        candidate: candidate?.candidate ?? "",
        sdp_mid: candidate?.sdpMid ?? null,
        sdp_mline_index: candidate?.sdpMLineIndex ?? null,
      });
    });
    try {
      await share.sender.replaceTrack(this.#track);
      await this.cameras.attach(peer, made);
      if (this.#spoken) await voice?.sender.replaceTrack(this.#spoken);
      await peer.setLocalDescription();
      if (this.#peer !== peer) return;
      const sent = await this.#say(epoch, { type: "offer", sdp: peer.localDescription.sdp });
      if (this.#peer !== peer) return;
      this.#later(sent ? CONNECT_MS : AGAIN_MS[0]);
    } catch (error) {
      console.warn("offer failed", error);
      this.#lost(peer);
    }
  }

  /** The hub may be reachable again: make sure that there is a connection, and leave a good one alone. */
  ensure() {
    if (this.#state === "connected" && !this.#isSilent()) return;
    if (this.#state === "connecting" && this.#peer) return;
    void this.offer();
  }

  /** The network came back or changed: a connection that was fine a moment ago may be dead without knowing it. */
  networkChanged() {
    this.#failures = 0;
    if (this.#state === "connected" && !this.#isSilent()) return;
    void this.#heal();
  }

  /**
   * Take a signal of the hub.
   * @param {number} epoch
   * @param {object} signal
   */
  async take(epoch, signal) {
    if (signal.type === "need_offer") {
      // As asked: the hub knows best whether it has our connection.
      await this.offer(epoch);
      return;
    }
    const peer = this.#peer;
    if (epoch !== this.#epoch || !peer) return;
    try {
      if (signal.type === "answer") {
        if (peer.signalingState !== "have-local-offer") return;
        await peer.setRemoteDescription({ type: "answer", sdp: signal.sdp });
        await this.#applyRate();
        this.cameras.apply();
      } else if (signal.type === "candidate") {
        const candidate = { candidate: signal.candidate, sdpMid: signal.sdp_mid ?? null, sdpMLineIndex: signal.sdp_mline_index ?? null };
        if (candidate.sdpMid === null && candidate.sdpMLineIndex === null) candidate.sdpMLineIndex = 0;
        await peer.addIceCandidate(candidate);
      } else if (signal.type === "bye") {
        this.#drop();
        this.#set("lost");
        this.#later(AGAIN_MS[1]);
      }
    } catch (error) {
      console.warn("signal could not be used", signal.type, error);
      if (signal.type === "answer") this.#lost(peer);
    }
  }

  /**
   * Show this track to the hub, or nothing; the stream stays here and goes into every later connection by itself.
   * @param {?MediaStreamTrack} track
   */
  async setTrack(track) {
    const resumed = track && !this.#track && this.#wasShown;
    this.#track = track;
    this.#wasShown ||= Boolean(track);
    this.#size = "";
    try {
      if (resumed) {
        // Before the first picture, which is taken for a new one by that.
        this.#sendBeat();
        this.#beCareful(true);
        await this.#applyRate();
      }
      await this.#share?.sender.replaceTrack(track);
      if (track) await this.#applyRate();
      if (track) this.#nudger.resumed();
    } catch (error) {
      console.warn("track could not be replaced", error);
      if (this.#track === track && track) void this.offer();
    }
    this.#sendBeat();
  }

  /** Close for good. */
  close() {
    clearTimeout(this.#again);
    this.#track = this.#spoken = null;
    void this.cameras.setTrack(null);
    if (this.#peer && this.#parts.ready()) void this.#say(this.#epoch, { type: "bye" });
    this.#drop();
    this.#set("none");
  }

  async #say(epoch, signal) {
    try {
      await this.#parts.signal(epoch, signal);
      return true;
    } catch {
      // Signals are not kept; without an answer the offer is made anew.
      return false;
    }
  }

  #set(state) {
    if (this.#state === state) return;
    this.#state = state;
    this.#parts.state(state);
  }

  #drop() {
    clearInterval(this.#beat);
    const peer = this.#peer;
    this.#peer = null;
    this.#share = null;
    this.#down = null;
    this.#channel = null;
    this.cameras.drop();
    peer?.close();
  }

  #opened(peer) {
    if (this.#peer !== peer) return;
    clearTimeout(this.#again);
    this.#failures = 0;
    this.#heard = performance.now();
    this.#lastBeat = null;
    this.#size = "";
    this.#nudger.reset();
    this.#set("connected");
    this.#sendBeat();
    clearInterval(this.#beat);
    this.#beat = setInterval(() => this.#everySecond(peer), this.#parts.heartbeatMs);
  }

  #everySecond(peer) {
    if (this.#peer !== peer) return;
    this.#parts.tick();
    void this.cameras.look(this.#track?.readyState === "live");
    this.#sendBeat();
    void this.#nudger.seek();
    if (this.#isSilent()) {
      this.#set("lost");
      void this.#heal();
    }
  }

  #isSilent() {
    return this.#heard > 0 && performance.now() - this.#heard > this.#parts.deadMs;
  }

  /** Ask for the ICE servers anew, which also finds out whether the relay is there, then offer. */
  async #heal() {
    clearTimeout(this.#again);
    clearInterval(this.#beat);
    this.#set("lost");
    this.#failures += 1;
    const peer = this.#peer;
    try {
      this.setIce(new Ice(await this.#parts.refresh()));
    } catch {
      // The relay is away: the line's return leads back here through `ensure`.
      this.#later(AGAIN_MS[1]);
      return;
    }
    if (this.#peer === peer) await this.offer();
  }

  #lost(peer) {
    if (this.#peer !== peer) return;
    clearInterval(this.#beat);
    this.#set("lost");
    this.#later(AGAIN_MS[Math.min(this.#failures, AGAIN_MS.length - 1)]);
    this.#failures += 1;
  }

  #later(ms) {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => {
      if (this.#state === "connected" && !this.#isSilent()) return;
      this.#failures += 1;
      if (this.#parts.ready()) void this.offer();
      else this.#set("lost");
    }, ms);
  }

  #message(peer, data) {
    if (this.#peer !== peer || typeof data !== "string") return;
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    this.#heard = performance.now();
    if (message?.type === "beat") {
      this.#lastBeat = { sent: Number(message.sent_ms) || 0, at: performance.now() };
    } else if (message?.type === "rate" && message.max_fps >= 1 && message.max_kbps >= 50) {
      this.#wish({ max_fps: Math.min(message.max_fps, 60), max_kbps: Math.min(message.max_kbps, 50_000) });
    } else if (message !== null && typeof message === "object" && !this.cameras.take(message)) {
      this.#parts.heard?.(message);
    }
  }

  /** Say something to the hub, if that is possible now. @param {object} message @returns {boolean} whether it was */
  say(message) {
    if (this.#channel?.readyState !== "open" || this.#channel.bufferedAmount > MOST_WAITING) return false;
    this.#send(message);
    return true;
  }

  #sendBeat() {
    if (this.#channel?.readyState !== "open") return;
    const sharing = this.#track?.readyState === "live";
    const now = performance.now();
    this.#send({
      type: "beat",
      sent_ms: performance.timeOrigin + now,
      echo_ms: this.#lastBeat?.sent ?? 0,
      held_ms: this.#lastBeat ? now - this.#lastBeat.at : 0,
      sharing,
    });
    if (!sharing) return;
    const { width = 0, height = 0 } = this.#track.getSettings();
    const size = `${width}x${height}`;
    if (width && height && size !== this.#size) {
      this.#size = size;
      this.#send({ type: "share", width, height });
    }
  }

  #send(message) {
    try {
      this.#channel.send(JSON.stringify(message));
    } catch (error) {
      console.warn("message not sent", error);
    }
  }

  #wish(rate) {
    const again = isLookedAt(rate) && !isLookedAt(this.#rate);
    this.#rate = rate;
    // The same wish once more, said when the share goes on, ends no care that was taken for that.
    if (again || !isLookedAt(rate)) this.#beCareful(again);
    void this.#applyRate();
  }

  /** The next picture is to be there soon: after a pause Chromium also thinks too little of its line. */
  #beCareful(careful) {
    clearTimeout(this.#careful);
    this.#careful = careful ? setTimeout(() => this.#careless(), CAREFUL_MS) : 0;
  }

  #careless() {
    this.#careful = 0;
    void this.#applyRate();
  }

  /** What the hub asks for is set on the sender. */
  async #applyRate() {
    const sender = this.#share?.sender;
    if (!sender) return;
    await this.#setter.set(sender, () => this.#nudger.bound(encodingFor(this.#rate, this.#track?.getSettings() ?? {}, this.#careful !== 0)));
  }
}
