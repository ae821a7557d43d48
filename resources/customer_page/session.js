/** What the customer sees of a session, as a pure state machine: no browser, no clock, no network. */

/**
 * @typedef {{id: string, role: string, name: string, connection: string, device?: object}} Participant
 * @typedef {{id: string, kind: string, state: string, asked_by: string, subject: string, seen_by: string[],
 *   source?: ?string, paused?: boolean, end?: ?string, ended_by?: ?string}} Activity
 * @typedef {{key: string, places?: Object<string, string>, tone?: string}} Notice a sentence to be said once
 */

/** Activities in which one person's screen is seen by the others: a customer's, and the rep's. */
const SHARES = new Set(["view", "show"]);
const MEMBERS = new Set(["controller", "assistant", "primary", "secondary"]);
/** In the order in which people are listed: who is in charge first. */
const ORDER = ["controller", "assistant", "primary", "secondary", "waiting"];
/** Ends of a share that nobody chose: each has words of its own. */
const ENDS = {
  control_transferred: "notice.share_over_control",
  session_transferred: "notice.share_over_transfer",
  customer_switched: "notice.share_over_customer",
};

/**
 * What a line across the transcript says (B-7.4).
 * @param {{kind: string, name?: string, former?: string, queue?: string}} mark
 * @returns {Notice}
 */
export function markWords({ kind, name = "", former = "", queue = "" }) {
  return { key: `mark.${kind}${kind === "passed_on" && queue ? "_queue" : ""}`, places: { name, former, queue } };
}

/** A session as one of its members knows it: the relay's snapshot and every event since. */
export class Session {
  /** @param {object} view the relay's `SessionView` */
  constructor(view) {
    /** @type {Map<number, object>} lines of the transcript by their place */
    this.chat = new Map();
    /** @type {Map<string, {name: string, roles: Set<string>}>} everybody who was ever seen here */
    this.met = new Map();
    /** @type {?object} the newest line across the transcript, until something else happens */
    this.news = null;
    /** @type {?object} the place in line, as last told */
    this.place = null;
    /** Whether this customer came by a queue's entry form. */
    this.cameByQueue = false;
    /** What he wrote on that form. */
    this.wrote = "";
    this.people = new Map();
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
    const seen = this.seq ?? 0;
    this.seq = view.seq;
    this.mode = view.mode;
    this.startedAt = view.started_at;
    this.endReason = view.end_reason ?? null;
    this.waitingFor = view.waiting_for ?? null;
    this.transfer = view.transfer ?? null;
    this.place = view.place ?? (this.isOnItsWay ? this.place : null);
    const before = this.people;
    /** @type {Map<string, Participant>} */
    this.people = new Map();
    for (const person of view.participants ?? []) {
      const known = before.get(person.id);
      this.#set(known?.connection === person.connection ? { ...person, since: known.since } : person);
    }
    /** @type {Map<number, object>} lines across the transcript by their place */
    this.marks = new Map((view.marks ?? []).map((mark) => [mark.seq, mark]));
    // What was drawn across while nobody heard of it: who is in charge now must not stand beside how it came to another.
    const missed = Math.max(...this.marks.keys(), 0);
    if (before.size && missed > seen) this.news = this.marks.get(missed);
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
        return this.#personChanged(fact.participant);
      case "participant_connection":
        return this.#connection(fact, event.at);
      case "participant_left":
        return this.#left(fact);
      case "activity_changed":
        return this.#activity(fact.activity);
      case "chat_added":
        this.chat.set(fact.line.seq, fact.line);
        return [];
      case "session_changed":
        this.state = fact.state;
        this.transfer = fact.transfer ?? null;
        if (!this.isOnItsWay) this.place = null;
        return [];
      case "mark_added":
        this.marks.set(fact.mark.seq, fact.mark);
        this.news = fact.mark;
        return [{ ...markWords(fact.mark), mark: true }];
      case "session_ended":
        this.state = "ended";
        this.endReason = fact.reason;
        return [];
      default:
        return [];
    }
  }

  #set(person) {
    this.people.set(person.id, person);
    const met = this.met.get(person.id) ?? { name: person.name, roles: new Set() };
    met.name = person.name;
    met.roles.add(person.role);
    this.met.set(person.id, met);
  }

  #personChanged(person) {
    const before = this.people.get(person.id);
    // Somebody who waited at the door comes in for the others by this (protocol, `ParticipantChanged`).
    if (!before && person.id !== this.you) return this.#joined(person);
    this.#set({ ...person, since: before?.since });
    return before?.role === "waiting" && person.role !== "waiting" && person.id !== this.you ? this.#arrived(person) : [];
  }

  #joined(person) {
    const known = this.people.has(person.id);
    this.#set(person);
    return known || person.id === this.you || !MEMBERS.has(person.role) ? [] : this.#arrived(person);
  }

  #arrived(person) {
    // Who accepts a session on its way is told of by the line across the transcript that follows at once (B-10.4).
    if (person.role === "controller" && this.isOnItsWay) return [];
    // B-2.6: whoever joins while something is shared is announced to the sharer by name.
    if (!this.running && this.myCamera("running")) return [{ key: "notice.joined_camera", places: { name: person.name }, tone: "live" }];
    if (this.running) return [{ key: "notice.joined_sees", places: { name: person.name }, tone: "live" }];
    return [{ key: "notice.joined", places: { name: person.name } }];
  }

  #connection(fact, at) {
    const person = this.people.get(fact.participant_id);
    if (!person) return [];
    const before = person.connection;
    this.people.set(person.id, { ...person, connection: fact.connection, since: at });
    if (person.id === this.you || before === fact.connection) return [];
    if (fact.connection === "online") return [{ key: "notice.back", places: { name: person.name }, tone: "positive" }];
    return [{ key: "notice.lost", places: { name: person.name }, tone: "warning" }];
  }

  #left(fact) {
    const person = this.people.get(fact.participant_id);
    this.people.delete(fact.participant_id);
    // A rep in charge goes by passing the session on: the line across the transcript that follows at once says so (B-10.3).
    if (person?.role === "controller" && fact.reason === "left") return [];
    return person && person.id !== this.you ? [{ key: "notice.left", places: { name: person.name } }] : [];
  }

  #activity(activity) {
    const before = this.activities.get(activity.id);
    if (activity.state === "ended") this.activities.delete(activity.id);
    else this.activities.set(activity.id, activity);
    if (activity.kind === "show") return this.#shown(activity, before);
    if (activity.kind === "recording") return this.#recording(activity, before);
    if (activity.kind === "video") return this.#camera(activity, before);
    if (activity.kind !== "view" || activity.subject !== this.you) return [];
    if (activity.state !== "ended") this.news = null;
    if (activity.state !== "ended" || !before) return [];
    if (before.state === "running" && ENDS[activity.end]) return [{ key: ENDS[activity.end], tone: "positive", lasting: true }];
    if (ENDS[activity.end]) return []; // the line across the transcript says why nobody asks any more
    const name = this.people.get(activity.ended_by ?? "")?.name ?? this.repName;
    if (before.state === "asked" && activity.ended_by !== this.you) return [{ key: "notice.ask_taken_back", places: { name } }];
    if (before.state === "running") return [{ key: "notice.share_over", places: { name }, tone: "positive", lasting: true }];
    return [];
  }

  /** The rep begins to show his screen, or no longer does: said in words, for the picture may be out of sight. */
  #shown(activity, before) {
    const name = this.people.get(activity.subject)?.name ?? this.repName;
    const is = activity.state === "running" && activity.seen_by?.includes(this.you);
    if (is && before?.state !== "running") return [{ key: "notice.rep_shows", places: { name }, silent: true }];
    if (activity.state === "ended" && before?.state === "running") return [{ key: "notice.rep_shows_over", places: { name } }];
    return [];
  }

  /** B-7.8: everybody is told when it begins and ends. */
  #recording(activity, before) {
    const name = this.people.get(activity.asked_by)?.name ?? this.repName;
    const ran = before?.state === "running";
    if (activity.state === "running") return ran ? [] : [{ key: "notice.recording", places: { name }, tone: "live" }];
    return ran && activity.state === "ended" ? [{ key: "notice.recording_over", tone: "positive", lasting: true }] : [];
  }

  /** @returns {?Activity} the running recording of this session, for everybody in it */
  get recording() {
    return [...this.activities.values()].find((one) => one.kind === "recording" && one.state === "running") ?? null;
  }

  /** @returns {?Activity} the question whether this customer agrees to a recording */
  get recordingAsked() {
    const asks = (one) => one.kind === "recording" && one.state === "asked" && one.subject === this.you;
    return [...this.activities.values()].find(asks) ?? null;
  }

  /** The customer's own camera ended without his doing. */
  #camera(activity, before) {
    if (activity.subject !== this.you || activity.state !== "ended" || !before || activity.ended_by === this.you) return [];
    const places = { name: this.people.get(activity.ended_by ?? "")?.name ?? this.repName };
    if (before.state === "asked") return ENDS[activity.end] ? [] : [{ key: "notice.camera_ask_taken_back", places }];
    if (ENDS[activity.end]) return [{ key: "notice.camera_over_change", tone: "positive", lasting: true }];
    return [{ key: "notice.camera_over", places, tone: "positive", lasting: true }];
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

  /** @returns {boolean} whether nobody is in charge, because the session is offered to agents or stands in a queue */
  get isOnItsWay() {
    return this.state === "offered" || this.state === "queued";
  }

  /** @returns {boolean} whether it came from a queue, to which it goes back when the rep is lost (B-12.6) */
  get isFromQueue() {
    return this.cameByQueue || [...this.marks.values()].some((mark) => mark.queue);
  }

  /** @returns {Participant[]} everybody here, who is in charge first, then by their coming */
  get everybody() {
    return [...this.people.values()].sort(
      (a, b) => ORDER.indexOf(a.role) - ORDER.indexOf(b.role) || a.joined_at - b.joined_at,
    );
  }

  /** @returns {string[]} names of the assistants whose connection stands */
  get helpers() {
    return this.everybody.filter((one) => one.role === "assistant" && one.connection === "online").map((one) => one.name);
  }

  /** @returns {string} the name of the customer who is helped, empty if there is none */
  get primaryName() {
    return [...this.people.values()].find((person) => person.role === "primary")?.name ?? "";
  }

  /**
   * @param {string} id of a participant
   * @returns {boolean} whether this person's screen is shown
   */
  isShowing(id) {
    return [...this.activities.values()].some((one) => SHARES.has(one.kind) && one.subject === id && one.state === "running");
  }

  /** @returns {?Activity} somebody else's running share, a customer's or the rep's, that this customer may see */
  get watched() {
    return (
      [...this.activities.values()].find(
        (one) => SHARES.has(one.kind) && one.state === "running" && one.subject !== this.you && one.seen_by?.includes(this.you),
      ) ?? null
    );
  }

  /**
   * @param {"asked"|"running"} state
   * @returns {?Activity} this customer's own camera, as the relay has it
   */
  myCamera(state) {
    return this.#mine(state, "video");
  }

  /** @returns {Activity[]} the cameras of others that this customer may see */
  get othersCameras() {
    return [...this.activities.values()].filter(
      (one) => one.kind === "video" && one.state === "running" && one.subject !== this.you && one.seen_by?.includes(this.you),
    );
  }

  /** @returns {?Activity} a request to see this customer's screen that waits for his answer */
  get asked() {
    return this.#mine("asked");
  }

  /** @returns {?Activity} this customer's running share */
  get running() {
    return this.#mine("running");
  }

  #mine(state, kind = "view") {
    return (
      [...this.activities.values()].find(
        (activity) => activity.kind === kind && activity.subject === this.you && activity.state === state,
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
