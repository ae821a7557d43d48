/** The customer's camera in the session (B-7.6): his yes, the browser's, the relay's, the hub's track, and every end. */

import { Camera } from "./camera.js";
import { PASSING, freshId } from "./chat.js";
import { mediaFailure } from "./media_errors.js";

const RETRY_MS = 1_500;
const ONLY_KEPT = { lasting: true, silent: true };

/** One customer's camera, asked for by the rep or shown by himself. Stopping acts here first, whatever the network does. */
export class Video {
  #parts;
  #story;
  #camera;
  #activityId = "";
  /** A yes that the relay has not confirmed. */
  #wanting = null;
  /** Ends that the relay does not know of yet. */
  #untold = new Map();
  #paused = false;

  /**
   * @param {{story: import("./story.js").Story, media: MediaDevices, hub: import("./hubs.js").Hubs,
   *   ask: (event: string, payload: object) => Promise<any>, present: () => boolean, wordsChars: number,
   *   changed: () => void, notify: (notice: object) => void}} parts as those of `Sharing`
   */
  constructor(parts) {
    this.#parts = parts;
    this.#story = parts.story;
    this.#camera = new Camera(parts.media, () => this.#gone());
    /** The cameras to choose from, once one was allowed. */
    this.choices = [];
  }

  /** @returns {?MediaStreamTrack} what the customer shows of himself */
  get track() {
    return this.#camera.track;
  }

  /** @returns {Map<string, MediaStreamTrack>} the cameras of others by whose they are */
  get tracks() {
    return this.#parts.hub.cameraTracks;
  }

  /** @returns {boolean} whether those wait, since the line is needed for the screen */
  get arePaused() {
    return this.#parts.hub.camerasPaused;
  }

  /** @returns {string} the id of the camera in use */
  get chosen() {
    return this.#camera.id;
  }

  /** @returns {boolean} whether this customer may show his camera now */
  get may() {
    const { session, phase } = this.#story;
    return phase === "inside" && session?.me?.role === "primary" && !session.isOnItsWay;
  }

  /** Bring what this browser does and what the relay says into line; the customer's own stop always wins. */
  reconcile() {
    const story = this.#story;
    const running = story.session.myCamera("running");
    if (!this.may && story.camera !== "none") this.#stopHere();
    if (this.#wanting) {
      void this.#deliver();
    } else if (story.camera === "running" && running?.id !== this.#activityId) {
      this.#stopHere();
    } else if (running && story.camera === "none") {
      // From before the page was reloaded: nothing is shown, so say that.
      if (!this.#untold.has(running.id)) this.#untold.set(running.id, "page_reloaded");
      story.session.activities.delete(running.id);
      void this.tellWaiting();
    }
  }

  /**
   * The customer's own click to show his camera, asked for or not. The browser asks in this very click.
   * @param {string} words what he read when he said yes
   */
  async show(words) {
    const story = this.#story;
    const askedId = story.session.myCamera("asked")?.id ?? null;
    story.camera = "starting";
    story.cameraHint = "camera.starting";
    this.#parts.changed();
    try {
      await this.#camera.start();
    } catch (error) {
      if (story.camera !== "starting") return;
      story.camera = "none";
      story.cameraHint = `camera.${mediaFailure(error)}`;
      if (askedId && story.cameraHint !== "camera.dismissed") void this.refuse(words);
      this.#parts.changed();
      return;
    }
    if (!this.may || story.camera !== "starting" || (askedId && story.session.myCamera("asked")?.id !== askedId)) {
      // Nobody asks any more: nothing is shown that was not asked for at the moment of showing it.
      this.#stopHere();
      this.#parts.changed();
      return;
    }
    story.cameraHint = "";
    this.#wanting = { askedId, words, requestId: freshId(), busy: false };
    this.choices = await this.#camera.choices();
    await this.#deliver();
  }

  /** Tell the relay of the yes; without the relay's word nothing is shown. */
  async #deliver() {
    const wanting = this.#wanting;
    const { session } = this.#story;
    if (!wanting || wanting.busy || !this.#parts.present()) return;
    const running = session.myCamera("running");
    if (running) {
      this.#begin(running.id); // said before, its ack was lost
      return;
    }
    if (!this.#camera.isLive || (wanting.askedId && session.myCamera("asked")?.id !== wanting.askedId)) {
      this.#stopHere();
      this.#parts.changed();
      return;
    }
    wanting.busy = true;
    try {
      if (wanting.askedId) {
        await this.#parts.ask("activity.answer", { activity_id: wanting.askedId, accept: true, words: this.#bounded(wanting.words) });
        if (this.#wanting === wanting) this.#begin(wanting.askedId);
      } else {
        const made = await this.#parts.ask("activity.offer", { request_id: wanting.requestId, kind: "video" });
        if (this.#wanting === wanting) this.#begin(made.activity_id);
      }
    } catch (error) {
      wanting.busy = false;
      if (this.#wanting !== wanting) return;
      if (PASSING.has(error.code)) {
        if (error.code !== "offline") setTimeout(() => void this.#deliver(), RETRY_MS);
        return;
      }
      this.#stopHere();
      this.#story.cameraHint = "camera.failed";
      this.#parts.changed();
    }
  }

  #bounded(words) {
    return [...words].slice(0, this.#parts.wordsChars).join("");
  }

  #begin(activityId) {
    const words = this.#wanting?.words;
    this.#wanting = null;
    this.#activityId = activityId;
    this.#paused = false;
    this.#story.camera = "running";
    const names = this.#story.session.audience(this.#story.session.activities.get(activityId));
    this.#parts.notify({ key: "note.camera_shown", places: { names }, words, ...ONLY_KEPT });
    void this.#parts.hub.setCamera(this.#camera.track);
    this.#parts.hub.ensure();
    this.#parts.changed();
  }

  /** Say no to what is asked. */
  async refuse(words) {
    const { session } = this.#story;
    const asked = session.myCamera("asked");
    if (!asked) return;
    session.activities.delete(asked.id);
    this.#parts.notify({ key: "note.camera_refused", places: { name: session.repName }, ...ONLY_KEPT });
    this.#parts.changed();
    try {
      await this.#parts.ask("activity.answer", { activity_id: asked.id, accept: false, words: this.#bounded(words) });
    } catch (error) {
      if (PASSING.has(error.code)) this.#untold.set(asked.id, "denied");
    }
  }

  /** Stop the camera: here and now first, then the relay is told, whenever that is possible. */
  stop(reason = "stopped") {
    const id = this.#activityId || this.#wanting?.askedId;
    if (this.#activityId && reason === "stopped") this.#parts.notify({ key: "note.camera_stopped", ...ONLY_KEPT });
    this.#stopHere();
    this.#story.cameraHint = "";
    if (id) {
      this.#story.session?.activities.delete(id);
      this.#untold.set(id, reason);
    }
    this.#parts.changed();
    void this.tellWaiting();
  }

  /** Stop somebody else's camera: whoever is concerned may. */
  async stopOf(activityId) {
    this.#story.session.activities.delete(activityId);
    this.#untold.set(activityId, "stopped");
    this.#parts.changed();
    await this.tellWaiting();
  }

  /** Take another camera instead; what runs goes on until the new one gives pictures. @param {string} id */
  async choose(id) {
    try {
      await this.#camera.start(id);
      if (this.#story.camera !== "running") this.#camera.stop();
      else await this.#parts.hub.setCamera(this.#camera.track);
    } catch (error) {
      this.#story.cameraHint = `camera.${mediaFailure(error)}`; // the old one goes on
    }
    this.#parts.changed();
  }

  /**
   * The line's room for the camera may have changed: tell everybody when it pauses and when it goes on.
   * @param {boolean} known what the relay knows; after a time without it, what was told may not have come
   */
  tellPaused(known = this.#paused) {
    const paused = this.#parts.hub.cameraLevel === "none";
    if (this.#story.camera !== "running") return;
    this.#paused = paused;
    if (paused === known) return;
    this.#parts.ask("activity.update", { activity_id: this.#activityId, paused }).catch(() => (this.#paused = !paused));
  }

  #gone() {
    if (this.#story.camera === "none") return;
    this.stop("source_ended");
    this.#story.cameraHint = "camera.gone";
    this.#parts.notify({ key: "camera.gone", tone: "warning", lasting: true });
  }

  #stopHere() {
    this.#camera.stop();
    this.#wanting = null;
    this.#activityId = "";
    this.#story.camera = "none";
    void this.#parts.hub.setCamera(null);
  }

  async tellWaiting() {
    for (const [id, reason] of this.#untold) {
      try {
        await this.#parts.ask("activity.stop", { activity_id: id, reason });
      } catch (error) {
        if (PASSING.has(error.code)) return;
      }
      this.#untold.delete(id);
    }
  }

  /** The visit is over: nothing is shown, and nobody needs to be told. */
  close() {
    this.#camera.stop();
    this.#wanting = null;
    this.#activityId = "";
    this.#story.camera = "none";
  }
}
