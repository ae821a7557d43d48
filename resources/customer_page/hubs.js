/** The media connection to whoever is in charge: one at a time, and a moment of two when control moves on. */

import { Connection } from "./connection.js";
import { Ice } from "./ice.js";

/** How long the connection to the former rep may outlive the change (his app may still finish a sentence). */
export const OLD_MS = 10_000;
/** After this long without a connection the customer is told; the attempts go on. */
export const LATE_MS = 10_000;

/** Follows the rep in charge; the media of all others are out of reach. */
export class Hubs {
  #parts;
  #make;
  #present = null;
  #former = null;
  #formerTimer = 0;
  #lateTimer = 0;
  #ice = null;
  #epoch = 0;
  #track = null;
  #camera = null;
  #spoken = null;

  /**
   * @param {{state: (state: string) => void, late: (late: boolean) => void,
   *   signal: (to: string, epoch: number, signal: object) => Promise<void>}} parts and those of `Connection`
   * @param {(parts: object) => Connection} [make]
   */
  constructor(parts, make = (own) => new Connection(own)) {
    this.#parts = parts;
    this.#make = make;
    this.id = "";
  }

  /** @returns {string} none, connecting, connected or lost */
  get state() {
    return this.#present?.state ?? "none";
  }

  /** @returns {?MediaStreamTrack} the call, from the former rep's app until the new one's stands (B-9.5) */
  get sound() {
    return (this.state !== "connected" && this.#former ? this.#former : this.#present)?.sound ?? null;
  }

  /** @param {?MediaStreamTrack} track this customer's microphone, or nothing */
  setVoice(track) {
    this.#spoken = track;
    this.#former?.setVoice(track);
    if (!this.#former || !track) this.#present?.setVoice(track);
  }

  /** @returns {?MediaStreamTrack} on which the rep in charge hands on what others show */
  get down() {
    return this.#present?.down ?? null;
  }

  /** @param {object} ice the relay's `IceServers` */
  setIce(ice) {
    this.#ice = new Ice(ice);
    this.#present?.setIce(this.#ice);
  }

  /**
   * This participant is in charge from now on: connect to him. The former rep's connection goes once the new one
   * stands, at the latest after `OLD_MS`; what this customer shows is taken off it at once.
   * @param {string} id
   */
  follow(id) {
    if (id === this.id) return;
    this.#dropFormer();
    const former = this.#present;
    this.#epoch = Math.max(this.#epoch, former?.epoch ?? 0);
    this.id = id;
    const own = this.#make({
      ...this.#parts,
      epoch: this.#epoch,
      signal: (number, signal) => this.#parts.signal(id, number, signal),
      state: (state) => this.#present === own && this.#changed(state),
      heard: (message) => this.#present === own && this.#parts.heard?.(message),
      // The former rep is out of reach for signals: that connection is not made anew.
      ready: () => this.#present === own && this.#parts.ready(),
      tick: () => this.#present === own && this.#parts.tick(),
    });
    this.#present = own;
    if (former) {
      this.#former = former;
      void former.setTrack(null);
      void former.cameras?.setTrack(null);
      this.#formerTimer = setTimeout(() => this.#dropFormer(), OLD_MS);
    }
    if (this.#ice) own.setIce(this.#ice);
    if (this.#track) void own.setTrack(this.#track);
    if (this.#camera) void own.cameras.setTrack(this.#camera);
    // A voice is on one connection at a time: everybody hears it once, by the new one from the moment on when it stands.
    if (this.#spoken && !former) own.setVoice(this.#spoken);
    this.#watch();
    void own.offer();
  }

  /** Nobody is in charge for now: there is nobody to connect to. */
  leave() {
    if (!this.id) return;
    this.#dropFormer();
    const gone = this.#present;
    this.#epoch = Math.max(this.#epoch, gone?.epoch ?? 0);
    gone?.close();
    this.#present = null;
    this.id = "";
    this.#watch();
    this.#parts.state("none");
  }

  /** Make sure that there is a connection, and leave a good one alone. */
  ensure() {
    this.#watch();
    this.#present?.ensure();
  }

  /** The network came back or changed. */
  networkChanged() {
    this.#present?.networkChanged();
  }

  /**
   * @param {string} sender only the present hub's signals count
   * @param {number} epoch
   * @param {object} signal
   */
  take(sender, epoch, signal) {
    if (sender === this.id) void this.#present?.take(epoch, signal);
  }

  /** @param {?MediaStreamTrack} track what this customer shows, or nothing */
  async setTrack(track) {
    this.#track = track;
    await this.#present?.setTrack(track);
  }

  /** Say something to the present hub. @param {object} message @returns {boolean} whether that was possible */
  say(message) {
    return this.#present?.say(message) ?? false;
  }

  /** @param {?MediaStreamTrack} track what this customer shows of himself, or nothing */
  async setCamera(track) {
    this.#camera = track;
    await this.#present?.cameras.setTrack(track);
  }

  /** @returns {Map<string, MediaStreamTrack>} the cameras of others by whose they are */
  get cameraTracks() {
    return this.#present?.cameras.tracks ?? new Map();
  }

  /** @returns {boolean} whether none come for now, since the line is needed for the screen */
  get camerasPaused() {
    return this.#present?.cameras.paused ?? false;
  }

  /** @returns {"full"|"low"|"none"} what the line leaves to this customer's own camera */
  get cameraLevel() {
    return this.#present?.cameras.room.level ?? "full";
  }

  /** Close for good. */
  close() {
    this.leave();
    this.#track = this.#camera = null;
  }

  #changed(state) {
    if (state === "connected") {
      if (this.#spoken) this.#present?.setVoice(this.#spoken);
      this.#dropFormer();
    }
    this.#watch();
    this.#parts.state(state);
  }

  /** Time counts while there is somebody to reach and no connection to him. */
  #watch() {
    if (this.state === "connected" || !this.#present) {
      clearTimeout(this.#lateTimer);
      this.#lateTimer = 0;
      this.#parts.late(false);
    } else if (!this.#lateTimer) {
      this.#lateTimer = setTimeout(() => this.#parts.late(true), LATE_MS);
    }
  }

  #dropFormer() {
    clearTimeout(this.#formerTimer);
    const former = this.#former;
    this.#former = null;
    former?.close();
  }
}
