/** The voice call as this page takes part in it: asked or offered, the microphone after a click, mute, leave. */

import { PASSING, freshId } from "./chat.js";

const ENDS = { control_transferred: "voice.over_control", session_transferred: "voice.over_transfer" };
const PROCESSED = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/**
 * What the browser's refusal of a microphone means.
 * @param {Error} error of getUserMedia
 * @returns {string} a key under `voice.`
 */
export function microphoneFailure(error) {
  if (error.name === "NotAllowedError" || error.name === "SecurityError") return "voice.denied";
  if (error.name === "NotReadableError" || error.name === "AbortError") return "voice.busy";
  return "voice.none";
}

/**
 * The call of a session, as one of its members sees it.
 * @param {?import("./session.js").Session} session
 * @returns {{mine: ?object, asked: ?object, others: string[], by: string}} `others` are names
 */
export function callOf(session) {
  const voices = [...(session?.activities.values() ?? [])].filter(({ kind }) => kind === "voice");
  const running = voices.filter(({ state }) => state === "running");
  const own = voices.find(({ subject }) => subject === session.you);
  const name = (id) => session.people.get(id)?.name ?? "";
  return {
    mine: own?.state === "running" ? own : null,
    asked: own?.state === "asked" ? own : null,
    by: own ? name(own.asked_by) : "",
    others: running.filter(({ subject }) => subject !== session.you).map(({ subject }) => name(subject)).filter(Boolean),
  };
}

/** One customer's part in the call. Leaving acts here first, whatever the network does. */
export class Voice {
  #parts;
  #stream = null;
  #activityId = "";
  #device = "";
  /** Ends that the relay does not know of yet. */
  #untold = new Map();

  /**
   * @param {{story: import("./story.js").Story, media: MediaDevices, hub: import("./hubs.js").Hubs,
   *   ask: (event: string, payload: object) => Promise<any>, present: () => boolean, changed: () => void,
   *   notify: (notice: object) => void}} parts
   */
  constructor(parts) {
    this.#parts = parts;
    /** @type {"none"|"opening"|"running"} what this browser itself is doing */
    this.state = "none";
    this.muted = false;
    /** @type {string} a key under `voice.` about what went wrong */
    this.hint = "";
    /** @type {MediaDeviceInfo[]} to choose among, once the browser tells their names */
    this.microphones = [];
    parts.media?.addEventListener?.("devicechange", () => this.hint === "voice.lost" && void this.#lost(this.#stream));
  }

  /** @returns {{mine: ?object, asked: ?object, others: string[], by: string}} */
  get call() {
    return callOf(this.#parts.story.session);
  }

  /** @returns {?MediaStreamTrack} what others say, as the rep's app mixes it */
  get sound() {
    return this.#parts.hub.sound;
  }

  /** @returns {?MediaStreamTrack} of this customer's microphone */
  get track() {
    return this.#stream?.getAudioTracks()[0] ?? null;
  }

  /** @returns {boolean} whether this customer may begin a call himself (behaviour, section 7) */
  get mayBegin() {
    const { session } = this.#parts.story;
    return session?.me?.role === "primary" && session.rep?.connection === "online" && !session.isOnItsWay;
  }

  /** Join, by the customer's own click: asked, to a call that runs, or to begin one. */
  async join() {
    if (this.state !== "none") return;
    const before = this.call.asked;
    this.state = "opening";
    this.hint = "";
    this.#parts.changed();
    try {
      this.#stream = await this.#open();
    } catch (error) {
      this.state = "none";
      this.hint = microphoneFailure(error);
      this.#parts.changed();
      return;
    }
    const { asked, mine, others } = this.call;
    // The yes was to that question, by that person: while the browser asked, it may have been taken back or put anew.
    const isOther = before && asked?.id !== before.id && mine?.id !== before.id;
    if (this.#parts.story.phase !== "inside" || isOther || !(asked || mine || others.length || this.mayBegin)) {
      this.#stopHere(); // nobody asks any more
      this.#parts.changed();
      return;
    }
    try {
      this.#activityId = mine?.id ?? (await this.#enter(asked));
      if (!this.#stream) return; // left meanwhile
      this.state = "running";
      this.muted = false;
      this.#parts.hub.setVoice(this.track);
      this.#parts.hub.ensure();
    } catch (error) {
      console.warn("call not joined", error.code);
      this.#stopHere();
      this.hint = "voice.failed";
    }
    void this.#list();
    this.#parts.changed();
  }

  /** @param {?object} asked the question to say yes to, if there is one @returns {Promise<string>} the activity's id */
  async #enter(asked) {
    try {
      if (!asked) return (await this.#parts.ask("activity.offer", { request_id: freshId(), kind: "voice" })).activity_id;
    } catch (error) {
      asked = this.call.asked; // put while he joined by himself: he wants the same
      if (error.code !== "activity_busy" || !asked) throw error;
    }
    await this.#parts.ask("activity.answer", { activity_id: asked.id, accept: true });
    return asked.id;
  }

  async #open() {
    if (!this.#parts.media?.getUserMedia) throw Object.assign(new Error("no media"), { name: "NotFoundError" });
    const wanted = this.#device ? { deviceId: { exact: this.#device } } : {};
    const stream = await this.#parts.media.getUserMedia({ audio: { ...PROCESSED, ...wanted }, video: false });
    stream.getAudioTracks()[0].addEventListener("ended", () => void this.#lost(stream));
    return stream;
  }

  /** The microphone is gone (pulled out, permission taken back): another one, now or once there is one; hearing goes on. */
  async #lost(stream) {
    if (!stream || this.#stream !== stream) return;
    const again = this.hint === "voice.lost";
    this.#device = "";
    try {
      const next = await this.#open();
      if (this.#stream !== stream) {
        next.getTracks().forEach((track) => track.stop());
        return;
      }
      this.#use(next);
      this.#parts.notify(again ? { key: "voice.back", tone: "positive" } : { key: "voice.other", tone: "warning" });
    } catch {
      if (again || this.#stream !== stream) return;
      this.hint = "voice.lost";
      this.#parts.hub.setVoice(null);
      this.#parts.notify({ key: "voice.lost", tone: "warning" });
    }
    void this.#list();
    this.#parts.changed();
  }

  #use(stream) {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = stream;
    this.track.enabled = !this.muted;
    this.hint = "";
    this.#parts.hub.setVoice(this.track);
  }

  async #list() {
    try {
      this.microphones = (await this.#parts.media.enumerateDevices()).filter(({ kind, label }) => kind === "audioinput" && label);
    } catch {
      this.microphones = [];
    }
    this.#parts.changed();
  }

  /** @param {string} id of another microphone, to be used from now on */
  async choose(id) {
    const former = this.#device;
    this.#device = id;
    try {
      const stream = await this.#open();
      if (this.state === "running") this.#use(stream);
      else stream.getTracks().forEach((track) => track.stop());
    } catch (error) {
      this.#device = former;
      this.hint = microphoneFailure(error);
    }
    this.#parts.changed();
  }

  /** Let nothing be heard for a while, or go on. @param {boolean} muted */
  mute(muted) {
    this.muted = muted;
    if (this.track) this.track.enabled = !muted;
    this.#parts.changed();
    this.#tell();
  }

  /** Back after a time without the relay: what was told then did not come. */
  tellMuted() {
    const { mine } = this.call;
    if (this.state === "running" && mine && (mine.paused === true) !== this.muted) this.#tell();
  }

  #tell() {
    this.#parts.ask("activity.update", { activity_id: this.#activityId, paused: this.muted }).catch(() => {});
  }

  /** Leave the call or say no to it: here and now first, then the relay is told, whenever that is possible. */
  leave() {
    const { asked, mine } = this.call;
    const id = this.#activityId || asked?.id || mine?.id;
    this.#stopHere();
    this.hint = "";
    if (id) {
      this.#parts.story.session?.activities.delete(id);
      this.#untold.set(id, "stopped");
    }
    this.#parts.changed();
    void this.tellWaiting();
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

  /** Bring what this browser does and what the relay says into line; the customer's own hanging up always wins. */
  reconcile() {
    const { mine } = this.call;
    if (this.state === "running" && mine?.id !== this.#activityId) this.#stopHere();
    else if (mine && this.state === "none") {
      // Spoken before the page was reloaded: the microphone is shut, so say that.
      if (!this.#untold.has(mine.id)) this.#untold.set(mine.id, "page_reloaded");
      this.#parts.story.session.activities.delete(mine.id);
    }
    void this.tellWaiting();
  }

  /** An activity changed: say what became of the call. @param {object} activity */
  heard(activity) {
    const { session } = this.#parts.story;
    const over = activity.kind === "voice" && activity.subject === session.you && activity.state === "ended" && this.state === "running";
    this.reconcile();
    if (!over || activity.ended_by === session.you) return;
    const name = session.people.get(activity.ended_by ?? "")?.name ?? session.repName;
    this.#parts.notify({ key: ENDS[activity.end] ?? "voice.over", places: { name }, tone: "positive", lasting: true });
  }

  /** The visit is over. */
  close() {
    this.#stopHere();
    this.#untold.clear();
  }

  #stopHere() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = null;
    this.#activityId = "";
    this.state = "none";
    this.muted = false;
    this.#parts.hub.setVoice(null);
  }
}
