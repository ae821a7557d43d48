/** What the customer sees of a session, as a pure state machine: no browser, no clock, no network. */

/**
 * @typedef {{id: string, role: string, name: string, connection: string, device?: object}} Participant
 * @typedef {{id: string, kind: string, state: string, asked_by: string, subject: string, seen_by: string[],
 *   source?: ?string, paused?: boolean, end?: ?string, ended_by?: ?string}} Activity
 * @typedef {{key: string, places?: Object<string, string>, tone?: string}} Notice a sentence to be said once
 */

const MEMBERS = new Set(["controller", "assistant", "primary", "secondary"]);

/** A session as one of its members knows it: the relay's snapshot and every event since. */
export class Session {
  /** @param {object} view the relay's `SessionView` */
  constructor(view) {
    /** @type {Map<number, object>} lines of the transcript by their place */
    this.chat = new Map();
    this.replace(view);
  }

  /**
   * Take a whole snapshot; chat lines known before stay, as a resumed session brings only the newer ones.
   * @param {object} view the relay's `SessionView`
   */
  replace(view) {
    this.id = view.id;
    this.number = view.number;
    this.state = view.state;
    this.you = view.you;
    this.seq = view.seq;
    this.endReason = view.end_reason ?? null;
    /** @type {Map<string, Participant>} */
    this.people = new Map((view.participants ?? []).map((person) => [person.id, person]));
    /** @type {Map<string, Activity>} */
    this.activities = new Map((view.activities ?? []).map((activity) => [activity.id, activity]));
    for (const line of view.chat ?? []) this.chat.set(line.seq, line);
  }

  /**
   * Take one numbered event; whatever is not newer than what is known is a duplicate and is dropped.
   * @param {{seq: number, fact: object}} event
   * @returns {Notice[]} what the customer should be told
   */
  take(event) {
    if (event.seq <= this.seq) return [];
    this.seq = event.seq;
    const fact = event.fact;
    switch (fact.type) {
      case "participant_joined":
        return this.#joined(fact.participant);
      case "participant_changed":
        this.people.set(fact.participant.id, fact.participant);
        return [];
      case "participant_connection":
        return this.#connection(fact);
      case "participant_left":
        return this.#left(fact);
      case "activity_changed":
        return this.#activity(fact.activity);
      case "chat_added":
        this.chat.set(fact.line.seq, fact.line);
        return [];
      case "session_changed":
        this.state = fact.state;
        return [];
      case "session_ended":
        this.state = "ended";
        this.endReason = fact.reason;
        return [];
      default:
        return [];
    }
  }

  #joined(person) {
    const known = this.people.has(person.id);
    this.people.set(person.id, person);
    if (known || person.id === this.you || !MEMBERS.has(person.role)) return [];
    // B-2.6: whoever joins while something is shared is announced to the sharer by name.
    if (this.running) return [{ key: "notice.joined_sees", places: { name: person.name }, tone: "live" }];
    return [{ key: "notice.joined", places: { name: person.name } }];
  }

  #connection(fact) {
    const person = this.people.get(fact.participant_id);
    if (!person) return [];
    const before = person.connection;
    this.people.set(person.id, { ...person, connection: fact.connection });
    if (person.id === this.you || before === fact.connection) return [];
    if (fact.connection === "online") return [{ key: "notice.back", places: { name: person.name }, tone: "positive" }];
    return [{ key: "notice.lost", places: { name: person.name }, tone: "warning" }];
  }

  #left(fact) {
    const person = this.people.get(fact.participant_id);
    this.people.delete(fact.participant_id);
    return person && person.id !== this.you ? [{ key: "notice.left", places: { name: person.name } }] : [];
  }

  #activity(activity) {
    const before = this.activities.get(activity.id);
    if (activity.state === "ended") this.activities.delete(activity.id);
    else this.activities.set(activity.id, activity);
    if (activity.kind !== "view" || activity.subject !== this.you) return [];
    if (activity.state !== "ended" || !before) return [];
    const name = this.people.get(activity.ended_by ?? "")?.name ?? this.repName;
    if (before.state === "asked" && activity.ended_by !== this.you) return [{ key: "notice.ask_taken_back", places: { name } }];
    if (before.state === "running") return [{ key: "notice.share_over", places: { name }, tone: "positive" }];
    return [];
  }

  /** @returns {?Participant} */
  get me() {
    return this.people.get(this.you) ?? null;
  }

  /** @returns {?Participant} the rep in charge, who is also the hub of all media */
  get rep() {
    return [...this.people.values()].find((person) => person.role === "controller") ?? null;
  }

  /** @returns {string} */
  get repName() {
    return this.rep?.name ?? "";
  }

  /** @returns {?Activity} a request to see this customer's screen that waits for his answer */
  get asked() {
    return this.#mine("asked");
  }

  /** @returns {?Activity} this customer's running share */
  get running() {
    return this.#mine("running");
  }

  #mine(state) {
    return (
      [...this.activities.values()].find(
        (activity) => activity.kind === "view" && activity.subject === this.you && activity.state === state,
      ) ?? null
    );
  }

  /**
   * Everybody who will see or sees the share, the rep in charge first (B-2.6).
   * @param {?Activity} activity
   * @returns {string[]} names
   */
  audience(activity) {
    const ids = new Set(activity?.seen_by ?? []);
    const people = [...this.people.values()].filter(
      (person) => person.id !== this.you && MEMBERS.has(person.role) && (ids.size === 0 || ids.has(person.id)),
    );
    people.sort((a, b) => Number(b.role === "controller") - Number(a.role === "controller"));
    return people.map((person) => person.name);
  }

  /** @returns {number} the place of the newest line, 0 before the first */
  get lastLine() {
    let last = 0;
    for (const seq of this.chat.keys()) if (seq > last) last = seq;
    return last;
  }

  /** @returns {object[]} the transcript in the relay's order */
  get lines() {
    return [...this.chat.values()].sort((a, b) => a.seq - b.seq);
  }
}

/** The whole of what decides which screen is shown. */
export class Story {
  constructor() {
    /** @type {"start"|"join"|"joining"|"inside"|"over"} */
    this.phase = "start";
    /** @type {"connecting"|"online"|"lost"} connection to the relay */
    this.link = "connecting";
    /** @type {"none"|"connecting"|"connected"|"lost"} connection to the rep's app */
    this.hub = "none";
    /** @type {?Session} */
    this.session = null;
    /** @type {"none"|"picking"|"sending"|"running"} what this browser itself is doing */
    this.share = "none";
    /** @type {?string} displaySurface of the share */
    this.source = null;
    this.paused = false;
    /** A share ran before the page was reloaded: offer to go on with it. */
    this.again = false;
    /** @type {?Notice} a sentence under the main button */
    this.hint = null;
    /** @type {?{why: string, name: string}} why it is over */
    this.over = null;
  }

  /** @returns {string} the name of the screen to show */
  get screen() {
    if (this.phase === "start") return "starting";
    if (this.phase !== "inside" || !this.session) return this.phase === "inside" ? "starting" : this.phase;
    if (this.share === "running") return "sharing";
    if (this.share === "picking") return "picking";
    if (this.session.me?.role === "waiting") return "let_in";
    if (this.session.asked) return "asked";
    if (this.share === "sending") return "picking";
    if (this.again) return "again";
    return this.session.me?.role === "secondary" ? "watching" : "waiting";
  }

  /** @returns {{tone: string, key: string, places: Object<string, string>}} the dot and the words of the strip */
  get connection() {
    const name = this.session?.repName ?? "";
    if (this.phase === "over") return { tone: "muted", key: "strip.over", places: {} };
    if (this.link === "lost" && this.phase !== "inside") return { tone: "warning", key: "strip.unreachable", places: {} };
    if (this.link === "lost") return { tone: "warning", key: "strip.lost", places: {} };
    if (this.link === "connecting") return { tone: "muted", key: "strip.connecting", places: {} };
    if (this.phase !== "inside" || !this.session) return { tone: "positive", key: "strip.ready", places: {} };
    const rep = this.session.rep;
    if (!rep) return { tone: "muted", key: "strip.no_rep", places: {} };
    if (rep.connection !== "online") return { tone: "warning", key: "strip.rep_lost", places: { name } };
    if (this.share === "running" && this.hub !== "connected") return { tone: "warning", key: "strip.no_picture", places: {} };
    return { tone: "positive", key: "strip.connected", places: {} };
  }

  /** @returns {boolean} whether closing the page deserves a warning (B-12.4) */
  get warnsOnClosing() {
    return this.phase === "inside" && this.session !== null && this.session.state !== "ended";
  }

  /**
   * It is over, whatever the reason.
   * @param {string} why a key under `over.`
   */
  finish(why) {
    this.over = { why, name: this.session?.repName ?? "" };
    this.phase = "over";
    this.share = "none";
    this.again = false;
    this.hint = null;
  }
}
