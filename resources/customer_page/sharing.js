/** Showing the customer's screen: his yes, the picker, the relay's word, the hub's track, and every way it ends. */

import { PASSING, freshId } from "./chat.js";
import { Share, pickerFailure } from "./share.js";

const RETRY_MS = 1_500;
/** What is shared and agreed stands in the summary for good; it need not be told to the one who did it. */
const ONLY_KEPT = { lasting: true, silent: true };

/** One customer's share, asked for by the rep or offered by himself. Stopping acts here first, whatever the network does. */
export class Sharing {
  #parts;
  #story;
  #share;
  #activityId = "";
  /** A choice made in the picker that the relay has not confirmed. */
  #wanting = null;
  /** Ends that the relay does not know of yet. */
  #untold = new Map();

  /**
   * @param {{story: import("./session.js").Story, media: MediaDevices, hub: import("./connection.js").Connection,
   *   ask: (event: string, payload: object) => Promise<any>, present: () => boolean,
   *   remember: (shared: boolean) => void, changed: () => void, notify: (notice: object) => void}} parts
   *   `ask` speaks to the relay as a member of the session, `present` says whether that is possible,
   *   `remember` keeps over a reload that something is shared
   */
  constructor(parts) {
    this.#parts = parts;
    this.#story = parts.story;
    this.#share = new Share(parts.media, { ended: () => this.#sourceEnded(), changed: () => this.tellSource() });
  }

  /** What he read, as much of it as the relay keeps, counted in code points as the relay counts. */
  #bounded(words) {
    return [...words].slice(0, this.#parts.wordsChars).join("");
  }

  /** @returns {?MediaStreamTrack} what this customer shows, for his own eyes */
  get track() {
    return this.#share.track;
  }

  /** Look whether what is shown has changed; called every second. */
  look() {
    this.#share.look();
  }

  /** The visit is over: nothing is shown, and nobody needs to be told. */
  close() {
    this.#share.stop();
    this.#wanting = null;
    this.#activityId = "";
  }

  /** Bring what this browser does and what the relay says into line; the customer's own stop always wins. */
  reconcile() {
    const story = this.#story;
    const running = story.session.running;
    // Only the customer who is helped may share (B-1.2), and only to somebody who is in charge.
    const may = story.session.me?.role === "primary" && !story.session.isOnItsWay;
    if (!may && story.share !== "none") this.#stopHere();
    if (this.#wanting) {
      void this.#deliver();
      return;
    }
    if (story.share === "running" && running?.id !== this.#activityId) {
      this.#stopHere();
    } else if (running && story.share === "none") {
      // Shared by this customer before the page was reloaded or crashed: nothing is shown, so say that.
      if (!this.#untold.has(running.id)) this.#untold.set(running.id, "page_reloaded");
      story.session.activities.delete(running.id);
      void this.tellWaiting();
    }
    if (story.session.asked || !may) story.again = false;
  }

  /**
   * The customer's own click to show his screen, asked for or not. The browser's picker opens in this very click.
   * @param {string} words what he read when he said yes
   */
  async show(words) {
    const story = this.#story;
    const askedId = story.session.asked?.id ?? null;
    story.share = "picking";
    story.hint = null;
    let picked;
    try {
      picked = this.#share.pick();
      this.#parts.changed();
      await picked;
    } catch (error) {
      this.#notPicked(error, askedId, words);
      return;
    }
    if (story.phase !== "inside" || story.share !== "picking" || (askedId && story.session.asked?.id !== askedId)) {
      // Nobody asks any more: nothing is shown that was not asked for at the moment of showing it.
      this.#stopHere();
      this.#parts.changed();
      return;
    }
    story.share = "sending";
    story.source = this.#share.facts.source;
    this.#wanting = { askedId, words, requestId: freshId(), busy: false };
    this.#parts.changed();
    await this.#deliver();
  }

  #notPicked(error, askedId, words) {
    const why = pickerFailure(error);
    this.#story.share = "none";
    this.#story.hint = { key: `hint.${why}` };
    if (why === "missing" && askedId) void this.refuse(words);
    this.#parts.changed();
  }

  /** Tell the relay of the yes; without the relay's word nothing is shown. */
  async #deliver() {
    const wanting = this.#wanting;
    const { session } = this.#story;
    if (!wanting || wanting.busy || !this.#parts.present()) return;
    if (session.running) {
      this.#begin(session.running.id); // said before, its ack was lost
      return;
    }
    if (!this.#share.isLive || (wanting.askedId && session.asked?.id !== wanting.askedId)) {
      this.#stopHere();
      this.#parts.changed();
      return;
    }
    wanting.busy = true;
    try {
      const facts = this.#share.facts;
      if (wanting.askedId) {
        await this.#parts.ask("activity.answer", { activity_id: wanting.askedId, accept: true, ...facts, words: this.#bounded(wanting.words) });
        if (this.#wanting === wanting) this.#begin(wanting.askedId);
      } else {
        const made = await this.#parts.ask("activity.offer", { request_id: wanting.requestId, kind: "view", ...facts });
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
      this.#story.hint = { key: "hint.failed" };
      this.#parts.changed();
    }
  }

  #begin(activityId) {
    const story = this.#story;
    const words = this.#wanting?.words;
    this.#wanting = null;
    this.#activityId = activityId;
    story.share = "running";
    story.paused = false;
    story.again = false;
    story.source = this.#share.facts.source;
    this.#parts.remember(true);
    const names = story.session.audience(story.session.running);
    this.#parts.notify({ key: `note.shown_${story.source ?? "unknown"}`, places: { names }, words, ...ONLY_KEPT });
    void this.#parts.hub.setTrack(this.#share.track);
    this.#parts.hub.ensure();
    this.#parts.changed();
  }

  /** Say no to what is asked. */
  async refuse(words) {
    const { session } = this.#story;
    const asked = session.asked;
    if (!asked) return;
    session.activities.delete(asked.id);
    this.#story.hint = null;
    this.#parts.notify({ key: "note.refused", places: { name: session.repName }, ...ONLY_KEPT });
    this.#parts.changed();
    try {
      await this.#parts.ask("activity.answer", { activity_id: asked.id, accept: false, words: this.#bounded(words) });
    } catch (error) {
      if (PASSING.has(error.code)) this.#untold.set(asked.id, "denied");
    }
  }

  /** Stop showing: here and now first, then the relay is told, whenever that is possible. */
  stop(reason = "stopped") {
    const id = this.#activityId || this.#wanting?.askedId;
    if (this.#activityId && reason === "stopped") this.#parts.notify({ key: "note.stopped", ...ONLY_KEPT });
    this.#stopHere();
    this.#parts.remember(false);
    if (id) {
      this.#story.session?.activities.delete(id);
      this.#untold.set(id, reason);
    }
    this.#parts.changed();
    void this.tellWaiting();
  }

  #stopHere() {
    this.#share.stop();
    this.#wanting = null;
    this.#activityId = "";
    this.#story.share = "none";
    this.#story.paused = false;
    this.#story.source = null;
    this.#parts.remember(false);
    void this.#parts.hub.setTrack(null);
  }

  #sourceEnded() {
    if (this.#story.share === "none") return;
    this.#parts.notify({ key: "notice.source_ended", tone: "positive", lasting: true });
    this.stop("source_ended");
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

  /** Hold the picture, or go on. */
  pause(paused) {
    this.#story.paused = paused;
    void this.#parts.hub.setTrack(paused ? null : this.#share.track);
    this.tellSource();
    this.#parts.changed();
  }

  /** Show something else instead; what runs goes on until the new choice is made. */
  async change() {
    try {
      const track = await this.#share.pick();
      if (this.#story.share !== "running") {
        this.#share.stop();
        return;
      }
      this.#story.paused = false;
      await this.#parts.hub.setTrack(track);
      this.tellSource();
    } catch (error) {
      // Nothing new was chosen: the old share simply goes on.
      console.info("source kept", error.name);
    }
  }

  tellSource() {
    const story = this.#story;
    if (story.share !== "running") return;
    const facts = this.#share.facts;
    story.source = facts.source;
    this.#parts.changed();
    this.#parts.ask("activity.update", { activity_id: this.#activityId, paused: story.paused, ...facts }).catch((error) => {
      console.warn("source not told", error.code);
    });
  }

  /** The customer does not want to go on with the share of before the reload. */
  forgetShare() {
    this.#story.again = false;
    this.#parts.remember(false);
    this.#parts.changed();
  }
}
