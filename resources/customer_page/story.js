/** The whole of what decides which screen the customer sees: pure, without browser, clock and network. */

/** The whole of what decides which screen is shown. */
export class Story {
  constructor() {
    /** @type {"start"|"join"|"enter"|"joining"|"inside"|"over"} */
    this.phase = "start";
    /** @type {"asking"|"open"|"closed"|"unknown"} what is known of the queue whose entry page this is */
    this.entry = "asking";
    /** @type {"connecting"|"online"|"lost"} connection to the relay */
    this.link = "connecting";
    /** @type {"none"|"connecting"|"connected"|"lost"} connection to the rep's app */
    this.hub = "none";
    /** The rep in charge could not be reached for picture and voice for a while. */
    this.hubLate = false;
    /** @type {?Session} */
    this.session = null;
    /** @type {"none"|"picking"|"sending"|"running"} what this browser itself is doing */
    this.share = "none";
    /** @type {?string} displaySurface of the share */
    this.source = null;
    this.paused = false;
    /** A share ran before the page was reloaded: offer to go on with it. */
    this.again = false;
    /** @type {"none"|"starting"|"running"} what this browser does with the customer's camera */
    this.camera = "none";
    /** A key of what is wrong with the camera, or what to do now; empty if nothing. */
    this.cameraHint = "";
    /** @type {?import("./session.js").Notice} a sentence under the main button */
    this.hint = null;
    /** @type {?{why: string, name: string, at: number}} why it is over */
    this.over = null;
    /** @type {"none"|"open"|"sending"|"sent"} the survey after the end */
    this.survey = "none";
  }

  /** @returns {string} the name of the screen to show */
  get screen() {
    if (this.phase === "start") return "starting";
    if (this.phase === "enter") return { open: "enter", closed: "closed", unknown: "no_queue" }[this.entry] ?? "starting";
    if (this.phase !== "inside" || !this.session) return this.phase === "inside" ? "starting" : this.phase;
    if (this.share === "picking") return "picking";
    if (this.session.recordingAsked) return "record_asked";
    if (this.session.myCamera("asked")) return "camera_asked";
    if (this.share === "running") return "sharing";
    if (this.session.me?.role === "waiting") return "let_in";
    if (this.session.asked) return "asked";
    if (this.share === "sending") return "picking";
    if (this.session.isOnItsWay) return this.session.state === "queued" ? "queued" : "passed_on";
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
    if (this.session.me?.role === "waiting") return { tone: "muted", key: "strip.let_in", places: {} };
    if (!rep) return { tone: "muted", key: "strip.no_rep", places: {} };
    if (rep.connection !== "online") return { tone: "warning", key: "strip.rep_lost", places: { name } };
    if (this.share === "running" && this.hub !== "connected") return { tone: "warning", key: "strip.no_picture", places: {} };
    if (this.hubLate) return { tone: "warning", key: "strip.no_media", places: {} };
    return { tone: "positive", key: "strip.connected", places: {} };
  }

  /**
   * What becomes of the session while its rep is lost, step by step (B-12.6).
   * @param {number} now milliseconds by the relay's clock
   * @param {{controller_lost_s: number, session_without_controller_s: number}} limits
   * @returns {?{step: string, since: number, next: ?number, ends: number}} `next` is when another step begins
   */
  lostStep(now, limits) {
    const rep = this.phase === "inside" ? this.session?.rep : null;
    if (!rep || rep.connection === "online") return null;
    const since = rep.since ?? now;
    const late = since + limits.controller_lost_s * 1_000;
    const ends = since + limits.session_without_controller_s * 1_000;
    // A session from a queue goes back to it, also when the assistants who might take over do not.
    const { helpers, isFromQueue } = this.session;
    const who = helpers.length ? (isFromQueue && now >= late ? "helper_queue" : "helper") : isFromQueue ? "queue" : "alone";
    return now < late ? { step: `soon_${who}`, since, next: late, ends } : { step: `late_${who}`, since, next: null, ends };
  }

  /** @returns {boolean} whether closing the page deserves a warning (B-12.4) */
  get warnsOnClosing() {
    return this.phase === "inside" && this.session !== null && this.session.state !== "ended";
  }

  /**
   * It is over, whatever the reason.
   * @param {string} why a key under `over.`
   * @param {number} at milliseconds since 1970
   */
  finish(why, at = 0) {
    this.over = { why, name: this.session?.repName ?? "", at };
    this.phase = "over";
    this.share = "none";
    this.again = false;
    this.hint = null;
    this.camera = "none";
    this.cameraHint = "";
  }
}
