/** Coming into a session and coming back: by link, by number, by a queue's entry form, by what was kept. */

import { PASSING, freshId } from "./chat.js";
import { fingerprint } from "./keep.js";

const RETRY_MS = 1_500;
/** Refusals of a join that end the visit: the screen that says so. */
const OVER = { session_taken: "taken", session_locked: "locked" };

/** The customer's way in; `arrived` is called with the relay's `Joined` or `Resumed`. */
export class Coming {
  #parts;
  #wire;
  #keep;
  #story;
  #entering = null;
  /** A snapshot was asked for and has not come: also while the line stands, as for somebody who is just let in. */
  #owed = false;
  /** @type {?import("./keep.js").Kept} the way back */
  kept = null;

  /**
   * @param {{wire: import("./wire.js").Wire, keep: import("./keep.js").Keep, story: import("./story.js").Story,
   *   linkToken: ?string, entry: ?import("./entry.js").Entry, report: () => object, knows: (code: string) => boolean,
   *   arrived: (joined: object, told?: boolean) => void, finish: (why: string) => void, changed: () => void}} parts
   *   `knows` says whether there is a sentence for an error's code
   */
  constructor(parts) {
    this.#parts = parts;
    this.#wire = parts.wire;
    this.#keep = parts.keep;
    this.#story = parts.story;
    /** @type {{name: string, number: string}} what the form begins with */
    this.again = parts.keep.again;
  }

  /** Look for a visit that is known. */
  find() {
    const { linkToken, entry } = this.#parts;
    this.kept = this.#keep.find({ token: linkToken, queue: entry?.slug });
    if (!this.kept) void entry?.look();
  }

  /** The line is there. */
  up() {
    const story = this.#story;
    if (this.kept) void this.resume();
    else if (story.phase === "start") this.#ask();
    else if (story.phase === "joining" && this.#entering) void this.#send();
  }

  /** Nothing is known of this visitor: show the form. */
  #ask() {
    const { entry } = this.#parts;
    this.#story.phase = entry ? "enter" : "join";
    if (entry) this.#story.entry = entry.state;
    if (entry?.state === "asking") void entry.look();
  }

  /**
   * Join by the link's token, or by number.
   * @param {string} name
   * @param {string} number nine digits, or empty with a link
   */
  join(name, number) {
    this.#begin({
      name,
      number,
      event: "session.join",
      payload: { name, ...(number ? { number } : { link_token: this.#parts.linkToken }) },
    });
    const kept = number ? this.#keep.find({ number }) : null;
    if (!kept) return this.#send();
    this.kept = kept;
    return this.resume();
  }

  /**
   * Stand in line.
   * @param {{name: string, email: string, problem: string}} form
   */
  enter(form) {
    const queue = this.#parts.entry.slug;
    this.#begin({ name: form.name, queue, event: "queue.enter", payload: { queue, ...form } });
    return this.#send();
  }

  #begin(entering) {
    this.#entering = { ...entering, requestId: freshId() };
    this.#story.hint = null;
    this.#story.phase = "joining";
    this.#parts.changed();
  }

  async #send() {
    const entering = this.#entering;
    const { linkToken, report, arrived } = this.#parts;
    try {
      const joined = await this.#wire.request(entering.event, { request_id: entering.requestId, ...entering.payload, device: report() });
      if (this.#entering !== entering) return;
      this.#entering = null;
      this.#parts.entry?.close();
      this.kept = {
        id: joined.session.id,
        number: joined.session.number,
        link: linkToken && entering.event === "session.join" && !entering.number ? fingerprint(linkToken) : "",
        queue: entering.queue ?? "",
        token: joined.resume_token,
        name: entering.name,
        wrote: entering.payload.problem ?? "",
        shared: false,
      };
      arrived(joined, true);
    } catch (error) {
      this.#notIn(entering, error);
    }
  }

  #notIn(entering, error) {
    if (this.#entering !== entering) return;
    if (!error.code) throw error; // a fault of this page, not of the line
    if (error.code === "offline") return; // sent again, under the same id, when the line is back
    if (error.code === "timeout") {
      void this.#send();
      return;
    }
    this.#entering = null;
    const byLink = entering.event === "session.join" && !entering.number;
    const over = byLink && error.code === "wrong_number" ? "wrong_link" : OVER[error.code];
    if (over) {
      this.#keep.again = entering;
      this.#parts.finish(over);
      return;
    }
    this.#ask();
    // The queue closed or went while the form was being filled in: what the relay says of it now is the answer.
    if (error.code === "queue_closed" || error.code === "queue_unknown") void this.#parts.entry.look();
    else this.#story.hint = { key: `error.${this.#parts.knows(error.code) ? error.code : "internal"}` };
    this.#parts.changed();
  }

  /** Go on with the visit that is kept, or take a whole snapshot of the present one. */
  async resume() {
    const { kept } = this;
    const lastLine = this.#story.session?.lastLine ?? 0;
    this.#owed = true;
    try {
      const resumed = await this.#wire.request("session.resume", {
        session_id: kept.id,
        resume_token: kept.token,
        after_seq: lastLine,
      });
      this.#owed = false;
      this.#entering = null;
      this.kept = { ...kept, token: resumed.resume_token ?? kept.token };
      this.#parts.arrived(resumed);
    } catch (error) {
      this.#notBack(kept, error);
    }
  }

  #notBack(kept, error) {
    if (!error.code) throw error;
    if (!PASSING.has(error.code)) {
      const newer = this.#keep.newer(kept);
      if (newer && this.#story.phase !== "over") this.#overtaken(newer);
      else this.#gone(kept);
    } else if (error.code !== "offline") {
      setTimeout(() => this.#wire.isUp && this.#owed && this.kept && void this.resume(), RETRY_MS);
    }
  }

  /** Another tab has used this way back and got a newer one, so that the relay takes this one no longer. */
  #overtaken(newer) {
    if (this.#story.session) {
      this.replaced();
      return;
    }
    this.kept = newer;
    void this.resume();
  }

  /** The way back is gone, or what was kept of it is not fit for the relay: trying on would show nothing for ever. */
  #gone(kept) {
    this.#keep.clear(kept.id);
    this.kept = null;
    if (this.#story.phase === "over") return;
    if (this.#story.session) this.#parts.finish("meanwhile");
    else if (this.#entering) void this.#send();
    else this.#ask();
    this.#parts.changed();
  }

  /** Another tab goes on with the session: what is kept of it is that one's. */
  replaced() {
    this.#keep.leaveTab();
    this.#parts.finish("replaced");
  }

  /** It is to go on in this tab again: the page, loaded anew, finds what the other one has kept. */
  takeBack() {
    this.#keep.enterTab(this.#story.session.id);
  }

  /** Keep the way back over a reload. */
  save() {
    this.#keep.save(this.kept);
  }

  /** @param {boolean} shared whether something is shared, for after a reload */
  remember(shared) {
    this.kept.shared = shared;
    if (!this.#keep.newer(this.kept)) this.save();
  }

  /** He goes of his own will: there is no way back, but the form is filled in should he want to join again. */
  leave() {
    const { kept } = this;
    this.forget();
    // Whoever came by a link or a queue's form has no number to type.
    if (kept) this.#keep.again = { name: kept.name, number: kept.link || kept.queue ? "" : kept.number };
  }

  /** There is no way back any more. */
  forget() {
    if (this.kept) {
      // Another tab that has gone on needs its own way back.
      if (this.#keep.newer(this.kept)) this.#keep.leaveTab();
      else this.#keep.clear(this.kept.id);
    }
    this.kept = null;
  }
}
