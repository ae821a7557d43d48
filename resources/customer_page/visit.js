/** One customer's visit: ties the line, the story, the way in, the share, the hub and the chat. */

import { Outbox } from "./chat.js";
import { Coming } from "./coming.js";
import { Device } from "./device.js";
import { Drawing } from "./drawing.js";
import { FilesDoor } from "./files_door.js";
import { Hubs } from "./hubs.js";
import { Notes } from "./notes.js";
import { Recording } from "./recording.js";
import { Session } from "./session.js";
import { Sharing } from "./sharing.js";
import { Survey } from "./survey.js";
import { Video } from "./video.js";
import { Voice } from "./voice.js";

const EARLY_EVENTS = 100;
const PROBE_MS = 1_500;
const HUB_GRACE_MS = 1_500;

/** What happens in a visit; the screen is only told that something `changed`, and what to say (`notify`). */
export class Visit {
  #wire;
  #keep;
  #hub;
  #device;
  #changed;
  #notify;
  /** Whether the relay knows this connection as a member of the session. */
  #present = false;
  #early = [];
  #earlyPlace = null;
  #skew = 0;
  #step = 0;
  /** Called when only what is drawn over a picture is another; whoever paints it puts its own here. */
  drawn = () => {};

  /**
   * @param {{protocol: object, wire: import("./wire.js").Wire, keep: import("./keep.js").Keep,
   *   story: import("./story.js").Story, language: import("./language.js").Language, media: MediaDevices,
   *   report: object, linkToken: ?string, entry: ?import("./entry.js").Entry, changed: () => void,
   *   notify: (notice: object) => void}} parts
   */
  constructor({ protocol, wire, keep, story, language, media, report, linkToken, entry = null, changed, notify }) {
    this.#wire = wire;
    this.#keep = keep;
    this.#changed = changed;
    this.#notify = notify;
    this.entry = entry;
    this.story = story;
    this.linkToken = linkToken;
    this.company = "";
    /** The protocol's bounds, and this relay's own where it has some. */
    this.limits = protocol.limits;
    /** @type {?Outbox} */
    this.outbox = null;
    this.notes = new Notes((notes) => story.session && keep.saveNotes(story.session.id, notes));
    this.coming = new Coming({
      wire, keep, story, linkToken, entry, changed,
      report: () => this.report,
      knows: (code) => language.has(`error.${code}`),
      arrived: (joined, told = false) => {
        if (told) this.#device.wasTold();
        this.#arrive(joined);
      },
      finish: (why) => void this.#finish(why),
    });
    this.#hub = new Hubs({
      lines: protocol.media_lines,
      label: protocol.channel_label,
      heartbeatMs: protocol.limits.heartbeat_s * 1_000,
      deadMs: protocol.limits.dead_peer_s * 1_000,
      signal: (to, epoch, signal) => this.#ask("signal.send", { to, epoch, signal }, 5_000),
      state: (state) => this.#hubState(state),
      late: (late) => this.#hubLate(late),
      refresh: () => wire.probe("ice.get", { session_id: story.session?.id ?? "" }, PROBE_MS),
      ready: () => this.#present && story.phase === "inside" && story.session?.rep?.connection === "online",
      tick: () => this.sharing.look(),
      down: () => (this.video.tellPaused(), changed()),
      heard: (message) => this.files.hear(this.#hub.id, message) || this.drawing.take(message),
    });
    this.drawing = new Drawing({
      story, changed, limits: protocol.limits,
      say: (message) => this.#hub.say(message),
      ask: (event, payload) => this.#ask(event, payload),
      drawn: () => this.drawn(),
    });
    this.#device = new Device(report, {
      changed,
      tell: (now) => this.#ask("participant.report", { device: now }),
      isHere: () => this.#present && story.session?.me?.role !== "waiting",
    });
    const showing = {
      story, media, changed, hub: this.#hub,
      notify: (notice) => this.#tell(notice),
      ask: (event, payload) => this.#ask(event, payload),
      present: () => this.#present,
      say: (message) => this.#hub.say(message),
      wordsChars: protocol.limits.words_chars,
    };
    this.recording = new Recording(showing);
    this.sharing = new Sharing({ ...showing, remember: (shared) => this.#remember(shared) });
    this.video = new Video(showing);
    this.files = new FilesDoor({ ...showing, tell: showing.notify, storage: keep.browser, largest: () => this.limits.file_bytes });
    this.voice = new Voice(showing);
    this.survey = new Survey({ story, changed, ask: (event, payload) => this.#ask(event, payload), sent: () => wire.close() });
    wire.on("up", () => this.#up());
    wire.on("down", () => this.#down());
    wire.on("unreachable", () => this.#down());
    wire.on("refused", (code) => this.#refused(code));
    wire.on("welcome", ({ site, now }) => {
      this.company = site.company;
      this.#skew = now - Date.now();
      if (site.without_controller_s) this.limits = { ...protocol.limits, session_without_controller_s: site.without_controller_s, file_bytes: site.file_bytes };
      changed();
    });
    wire.on("session.event", (event) => this.#event(event));
    wire.on("place", ({ session_id: id, place }) => this.#place(id, place));
    wire.on("signal", (signal) => this.#signal(signal));
    wire.on("session.replaced", ({ session_id: id }) => id === story.session?.id && story.phase === "inside" && this.coming.replaced());
  }

  /** Begin: a visit that is known goes on, any other asks for a name. */
  start() {
    this.coming.find();
    this.#wire.connect();
  }

  /** @returns {?MediaStreamTrack} what others show, as the rep's app hands it on */
  get down() {
    return this.#hub.down;
  }

  /** @returns {object} what this device can do */
  get report() {
    return this.#device.report;
  }

  /** @param {object} report what this browser can do, when that has changed */
  updateReport(report) {
    this.#device.update(report);
  }

  /** @returns {number} milliseconds since 1970 by the relay's clock, which this computer's may not agree with */
  now() {
    return Date.now() + this.#skew;
  }

  /** @param {number} at by the relay's clock @returns {number} what this computer's clock will show then */
  here(at) {
    return at - this.#skew;
  }

  /** @param {object} payload without the session's id */
  #ask(event, payload, timeoutMs) {
    if (!this.#present) return Promise.reject(Object.assign(new Error("offline"), { code: "offline" }));
    return this.#wire.request(event, { session_id: this.story.session.id, ...payload }, timeoutMs);
  }

  // --- the line

  #up() {
    this.story.link = "online";
    // After the end the line is only kept for the survey.
    if (this.story.phase === "over") void (this.coming.kept && this.coming.resume());
    else this.coming.up();
    this.#changed();
  }

  #down() {
    this.#present = false;
    if (this.story.phase === "over") return;
    this.story.link = "lost";
    this.#watchNetwork();
    this.#changed();
  }

  #refused(code) {
    if (code.startsWith("version_")) {
      this.#finish("version");
      return;
    }
    this.#down();
  }

  /** The browser says that there is a network again (or another one): find out at once what still works. */
  async networkChanged() {
    if (this.story.phase === "over") return;
    if (!this.#wire.isUp) {
      this.#wire.connect();
      return;
    }
    if (!this.#present) return;
    try {
      this.#hub.setIce(await this.#wire.probe("ice.get", { session_id: this.story.session.id }, PROBE_MS));
      this.#hub.networkChanged();
    } catch {
      // The line is being made anew; its return leads on.
    }
  }

  /** The customer looks at the page again, perhaps after the computer slept: do not wait for the next attempt. */
  wake() {
    if (this.story.phase !== "over" && !this.#wire.isUp) this.#wire.connect();
  }

  // --- inside

  /** In the session, for the first time or again. */
  #arrive({ session: view, ice }) {
    const { story } = this;
    if (story.phase === "over") {
      this.#present = true;
      return;
    }
    const again = story.session !== null;
    if (again) story.session.replace(view);
    else story.session = new Session(view);
    if (view.state === "ended") {
      this.#present = true;
      this.#ended(view.end_reason ?? "ended_by_rep");
      return;
    }
    Object.assign(story.session, { cameByQueue: Boolean(this.coming.kept.queue), wrote: this.coming.kept.wrote ?? "" });
    this.#present = true;
    story.phase = "inside";
    story.link = "online";
    if (!again) this.notes.load(this.#keep.notes(view.id));
    if (!again && this.coming.kept.shared) story.again = story.session.me?.role === "primary" && this.report.screen === "yes";
    this.coming.save();
    this.outbox ??= new Outbox({
      lines: this.#keep.pending(view.id),
      send: (line) => this.#sendLine(line),
      save: (lines) => this.#keep.savePending(view.id, lines),
      changed: this.#changed,
    });
    for (const line of story.session.lines) if (line.sender === view.you) this.outbox.arrived(line.id);
    for (const event of this.#early.splice(0)) if (event.session_id === view.id) story.session.take(event);
    if (this.#earlyPlace?.id === view.id) story.session.place ??= this.#earlyPlace.place;
    this.#hub.setIce(ice);
    for (const one of [this.sharing, this.voice]) one.reconcile();
    this.sharing.tellSource();
    this.drawing.follow();
    this.video.reconcile();
    this.voice.tellMuted();
    this.video.tellPaused(story.session.myCamera("running")?.paused === true);
    this.#changed();
    void this.sharing.tellWaiting();
    void this.drawing.tellWaiting();
    void this.recording.tellWaiting();
    void this.video.tellWaiting();
    void this.#device.tell();
    void this.outbox.flush();
    this.#checkHub();
  }

  // --- events of the session

  #event(event) {
    const { session } = this.story;
    if (!session && this.#early.length < EARLY_EVENTS) this.#early.push(event);
    if (!session) return;
    if (event.session_id !== session.id || this.story.phase !== "inside") return;
    const { fact } = event;
    const role = session.me?.role;
    for (const notice of session.take(event)) this.#tell({ ...notice, at: event.at });
    if (fact.type === "chat_added" && fact.line.sender === session.you) this.outbox?.arrived(fact.line.id);
    this.files.take(fact.activity);
    if (fact.type === "session_ended") {
      this.#ended(fact.reason);
      return;
    }
    if (fact.type === "participant_left" && fact.participant_id === session.you) {
      this.coming.forget();
      void this.#finish(role === "waiting" ? "turned_away" : "removed");
      return;
    }
    // Let in: everything that was not this customer's business before comes with a whole snapshot.
    if (role === "waiting" && session.me?.role !== "waiting") void this.coming.resume();
    if (fact.type === "activity_changed") this.voice.heard(fact.activity);
    if (fact.type === "activity_changed" || role !== session.me?.role || session.isOnItsWay) {
      this.sharing.reconcile();
      this.video.reconcile();
    }
    this.drawing.follow();
    if (fact.type.startsWith("participant_") || fact.type === "session_changed") this.#checkHub(fact);
    this.#changed();
  }

  #place(id, place) {
    const { session } = this.story;
    if (!session) this.#earlyPlace = { id, place };
    if (id !== session?.id || this.story.phase !== "inside") return;
    session.place = place;
    this.#changed();
  }

  /** Say something once, and keep it; lines across the transcript are kept by the relay. */
  #tell(notice) {
    if (!notice.mark) this.notes.add({ at: this.now(), after: this.story.session?.seq ?? 0, ...notice });
    if (!notice.silent) this.#notify(notice);
  }

  /** Make sure that there is a media connection to whoever is in charge now. */
  #checkHub(fact = null) {
    const { session } = this.story;
    const rep = session?.me?.role === "waiting" ? null : session?.rep;
    this.#watchNetwork();
    this.#watchLoss();
    if (!rep) {
      if (session?.isOnItsWay) this.#hub.leave();
      return;
    }
    if (rep.id !== this.#hub.id) {
      this.drawing.reset();
      this.#hub.follow(rep.id);
    } else if (!fact) {
      this.#hub.ensure();
    } else if (fact.type === "participant_connection" && fact.participant_id === rep.id && rep.connection === "online") {
      // An app that came back asks by itself; offering at the same moment would only make two.
      setTimeout(() => this.#hub.ensure(), HUB_GRACE_MS);
    }
  }

  /** Each step of a lost rep's session is told when it comes (B-12.6). */
  #watchLoss() {
    clearTimeout(this.#step);
    const rep = this.story.session?.rep;
    if (rep && rep.connection !== "online") rep.since ??= this.now();
    const next = this.story.lostStep(this.now(), this.limits)?.next;
    if (next) this.#step = setTimeout(() => (this.#watchLoss(), this.#changed()), next - this.now() + 50);
  }

  #signal({ session_id: id, sender, epoch, signal }) {
    if (id === this.story.session?.id) this.#hub.take(sender, epoch, signal);
  }

  #hubState(state) {
    this.story.hub = state;
    this.#watchNetwork();
    this.#changed();
  }

  #hubLate(late) {
    if (this.story.hubLate === late) return;
    this.story.hubLate = late;
    this.#changed();
  }

  #watchNetwork() {
    const hubIsThere = this.#present && this.story.session?.rep?.connection === "online";
    this.#device.look(this.story.hub === "connected", hubIsThere);
  }

  #remember(shared) {
    if (this.coming.kept && this.story.phase === "inside") this.coming.remember(shared);
  }

  // --- chat

  /** @param {string} text cleaned */
  say(text) {
    return this.outbox?.add(text, Date.now());
  }

  async #sendLine(line) {
    const { session } = this.story;
    const { seq, at } = await this.#ask("chat.send", line);
    if (!session.chat.has(seq)) {
      session.chat.set(seq, { id: line.line_id, seq, at, sender: session.you, sender_name: session.me?.name ?? "", text: line.text });
    }
  }

  // --- the end

  /** Leave for good. */
  async leave() {
    for (const sender of [this.sharing, this.video, this.voice]) sender.close();
    this.#hub.close();
    const told = this.#ask("session.leave", {}, 3_000).catch((error) => console.warn("leave not told", error.code));
    this.coming.leave();
    await this.#finish("left", told);
  }

  /** The page goes: tell the relay on the way out (B-12.4). */
  closing() {
    if (this.#present && this.story.phase === "inside") {
      this.#wire.farewell("page.closing", { session_id: this.story.session.id });
    }
  }

  #ended(reason) {
    const way = this.coming.kept;
    this.survey.begin(reason);
    this.coming.forget();
    void this.#finish(reason);
    // Not for a reload, which must not come back to what is over; only for the survey, should the line break meanwhile.
    if (this.survey.isOpen) this.coming.kept = way;
  }

  async #finish(why, last = null) {
    clearTimeout(this.#step);
    for (const sender of [this.sharing, this.video, this.voice]) sender.close();
    this.coming.kept = null;
    this.entry?.close();
    this.#device.close();
    this.#hub.close();
    this.story.finish(why, this.now());
    this.#changed();
    await last;
    if (this.survey.isOpen) return;
    this.#present = false;
    this.#wire.close();
  }
}
