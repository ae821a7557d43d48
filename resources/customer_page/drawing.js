/** Drawing in one visit (B-7.3): who draws now, what the hub hands on, and this customer's own strokes. */

import { freshId } from "./chat.js";
import { Board, Pencil } from "./draw.js";

const MESSAGES = new Set(["stroke", "pointer", "clear"]);
/** The rep's first colour is 0; so that two who draw differ. */
const OWN_COLOUR = 1;

/** Knows who may draw by the relay's word; the hub's alone counts for nothing. */
export class Drawing {
  #parts;
  #known = new Set();
  #over = new Set();

  /**
   * @param {{story: import("./story.js").Story, limits: object, say: (message: object) => boolean,
   *   ask: (event: string, payload: object) => Promise<any>, changed: () => void, drawn: () => void}} parts
   *   `say` speaks to the hub, `changed` has the page drawn, `drawn` only what lies over the videos
   */
  constructor(parts) {
    this.#parts = parts;
    this.board = new Board(parts.limits);
    this.pencil = new Pencil(parts.limits, (message) => this.#draw(message), OWN_COLOUR);
  }

  #running() {
    const activities = this.#parts.story.session?.activities.values() ?? [];
    return [...activities].filter((one) => one.kind === "draw" && one.state === "running" && !this.#over.has(one.id));
  }

  /** @returns {Map<string, string>} names of those who draw now, by id */
  get drawers() {
    const { session } = this.#parts.story;
    return new Map(this.#running().map(({ subject }) => [subject, session.people.get(subject)?.name ?? ""]));
  }

  /** @returns {?object} this customer's own drawing, while it runs */
  get mine() {
    return this.#running().find((one) => one.subject === this.#parts.story.session.you) ?? null;
  }

  /** @returns {boolean} whether this customer may draw now: on what the rep shows, if he is the one being helped */
  get may() {
    const { session } = this.#parts.story;
    return session?.me?.role === "primary" && session.watched?.kind === "show";
  }

  /** A message of the hub. @param {object} message @returns {boolean} whether it was one about drawing */
  take(message) {
    if (!MESSAGES.has(message.type)) return false;
    const { session } = this.#parts.story;
    const by = typeof message.by === "string" ? message.by : null;
    if (by && (!session?.people.has(by) || by === session.you)) return true;
    if (this.board.take(by, message)) this.#parts.drawn();
    return true;
  }

  /** The session is another one: what nobody draws any more goes. */
  follow() {
    const now = new Set(this.drawers.keys());
    for (const id of this.#known) if (!now.has(id)) this.board.forget(id);
    this.#known = now;
    const { session } = this.#parts.story;
    for (const id of this.#over) if (!session?.activities.has(id)) this.#over.delete(id);
    this.#parts.drawn();
  }

  /** There is another hub, or none: what the former one handed on is over. */
  reset() {
    this.board.take(null, { type: "clear" });
    this.#parts.drawn();
  }

  /** Begin to draw on what the rep shows. */
  async begin() {
    if (!this.may || this.mine) return;
    await this.#parts.ask("activity.offer", { request_id: freshId(), kind: "draw" });
  }

  /** Have a drawing end, here first. @param {?string} [drawer] somebody else's; by default this customer's own */
  async end(drawer = this.#parts.story.session?.you) {
    for (const one of this.#running().filter((each) => each.subject === drawer)) {
      if (this.mine === one) this.pencil.away();
      this.#over.add(one.id);
      if (one.subject === this.#parts.story.session.you) this.#parts.say({ type: "clear", number: null });
      this.follow();
      this.#parts.changed();
    }
    await this.tellWaiting();
  }

  /** Tell the relay of every end that it does not know of yet. */
  async tellWaiting() {
    for (const id of this.#over) {
      await this.#parts.ask("activity.stop", { activity_id: id, reason: "stopped" }).catch((error) => console.warn("not stopped", error.code));
    }
  }

  /** Take this customer's last stroke back. */
  undo() {
    const you = this.#parts.story.session.you;
    this.pencil.undo(this.board.strokes.findLast((one) => one.by === you)?.number ?? null);
  }

  #draw(message) {
    const you = this.#parts.story.session?.you;
    if (!this.mine || !this.board.take(you, message)) return;
    this.#parts.say(message);
    this.#parts.drawn();
  }
}
