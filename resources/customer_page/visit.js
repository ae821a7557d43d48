/** One customer's visit: joins, comes back, shares, chats, leaves; ties the line, the story, the share and the hub. */

import { Outbox, PASSING, freshId } from "./chat.js";
import { Connection } from "./connection.js";
import { fingerprint } from "./keep.js";
import { Network } from "./network.js";
import { Session } from "./session.js";
import { Sharing } from "./sharing.js";

const EARLY_EVENTS = 100;
const PROBE_MS = 1_500;
const HUB_GRACE_MS = 1_500;
const RETRY_MS = 1_500;

/** What happens in a visit; the screen is only told that something `changed`, and what to say (`notify`). */
export class Visit {
  #protocol;
  #wire;
  #keep;
  #language;
  #hub;
  #network;
  #changed;
  #notify;
  /** @type {?import("./keep.js").Kept} */
  #kept = null;
  /** Whether the relay knows this connection as a member of the session. */
  #present = false;
  #joining = null;
  #early = [];
  #hubId = "";
  #reported = "";

  /**
   * @param {{protocol: object, wire: import("./wire.js").Wire, keep: import("./keep.js").Keep,
   *   story: import("./session.js").Story, language: import("./language.js").Language, media: MediaDevices,
   *   report: object, linkToken: ?string, changed: () => void, notify: (notice: object) => void}} parts
   */
  constructor({ protocol, wire, keep, story, language, media, report, linkToken, changed, notify }) {
    this.#protocol = protocol;
    this.#wire = wire;
    this.#keep = keep;
    this.#language = language;
    this.#changed = changed;
    this.#notify = notify;
    this.story = story;
    this.report = report;
    this.linkToken = linkToken;
    this.company = "";
    /** @type {?Outbox} */
    this.outbox = null;
    this.#hub = new Connection({
      lines: protocol.media_lines,
      label: protocol.channel_label,
      heartbeatMs: protocol.limits.heartbeat_s * 1_000,
      deadMs: protocol.limits.dead_peer_s * 1_000,
      signal: (epoch, signal) => this.#ask("signal.send", { to: this.#hubId, epoch, signal }, 5_000),
      state: (state) => this.#hubState(state),
      refresh: () => wire.probe("ice.get", { session_id: story.session?.id ?? "" }, PROBE_MS),
      ready: () => this.#present && story.phase === "inside" && story.session?.rep?.connection === "online",
      tick: () => this.sharing.look(),
    });
    this.#network = new Network(report.network, () => this.updateReport(this.report));
    this.sharing = new Sharing({
      story, media, changed, notify,
      hub: this.#hub,
      ask: (event, payload) => this.#ask(event, payload),
      present: () => this.#present,
      wordsChars: protocol.limits.words_chars,
      remember: (shared) => this.#remember(shared),
    });
    wire.on("up", () => this.#up());
    wire.on("down", () => this.#down());
    wire.on("unreachable", () => this.#down());
    wire.on("refused", (code) => this.#refused(code));
    wire.on("welcome", ({ site }) => {
      this.company = site.company;
      changed();
    });
    wire.on("session.event", (event) => this.#event(event));
    wire.on("signal", (signal) => this.#signal(signal));
    wire.on("session.replaced", ({ session_id: id }) => id === story.session?.id && this.#replaced());
  }

  /** Begin: a visit that is known goes on, any other asks for a name. */
  start() {
    this.#kept = this.#keep.find({ token: this.linkToken });
    this.#wire.connect();
  }

  /** @param {object} payload without the session's id */
  #ask(event, payload, timeoutMs) {
    if (!this.#present) return Promise.reject(Object.assign(new Error("offline"), { code: "offline" }));
    return this.#wire.request(event, { session_id: this.story.session.id, ...payload }, timeoutMs);
  }

  // --- the line

  #up() {
    this.story.link = "online";
    if (this.story.phase === "over") return;
    if (this.#kept) void this.#resume(this.#kept);
    else if (this.story.phase === "start") this.story.phase = "join";
    else if (this.story.phase === "joining" && this.#joining) void this.#sendJoin();
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

  // --- coming in, coming back

  /**
   * Join by the link's token, or by number.
   * @param {string} name
   * @param {string} number nine digits, or empty with a link
   */
  join(name, number) {
    const kept = number ? this.#keep.find({ number }) : null;
    this.story.hint = null;
    if (kept && this.#wire.isUp) {
      this.#kept = kept;
      this.#joining = { name, number };
      this.story.phase = "joining";
      this.#changed();
      return this.#resume(kept);
    }
    this.#joining = { name, number, requestId: freshId() };
    this.story.phase = "joining";
    this.#changed();
    return this.#sendJoin();
  }

  async #sendJoin() {
    const joining = this.#joining;
    joining.requestId ??= freshId();
    try {
      const joined = await this.#wire.request("session.join", {
        request_id: joining.requestId,
        name: joining.name,
        ...(joining.number ? { number: joining.number } : { link_token: this.linkToken }),
        device: this.report,
      });
      if (this.#joining !== joining) return;
      this.#joining = null;
      this.#reported = JSON.stringify(this.report);
      this.#kept = {
        id: joined.session.id,
        number: joined.session.number,
        link: this.linkToken && !joining.number ? fingerprint(this.linkToken) : "",
        token: joined.resume_token,
        name: joining.name,
        shared: false,
      };
      this.#arrive(joined);
    } catch (error) {
      this.#notJoined(joining, error);
    }
  }

  #notJoined(joining, error) {
    if (this.#joining !== joining) return;
    if (error.code === "offline") return; // sent again, under the same id, when the line is back
    if (error.code === "timeout") {
      void this.#sendJoin();
      return;
    }
    this.#joining = null;
    const byLink = !joining.number;
    const over = { session_taken: "taken", session_locked: "locked", ...(byLink ? { wrong_number: "wrong_link" } : {}) }[error.code];
    if (over) {
      this.#finish(over);
      return;
    }
    this.story.phase = "join";
    this.story.hint = { key: `error.${this.#language.has(`error.${error.code}`) ? error.code : "internal"}` };
    this.#changed();
  }

  async #resume(kept) {
    const lastLine = this.story.session?.lastLine ?? 0;
    try {
      const resumed = await this.#wire.request("session.resume", {
        session_id: kept.id,
        resume_token: kept.token,
        after_seq: lastLine,
      });
      this.#joining = null;
      this.#kept = { ...kept, token: resumed.resume_token ?? kept.token };
      this.#arrive(resumed);
    } catch (error) {
      this.#notResumed(kept, error);
    }
  }

  #notResumed(kept, error) {
    if (!PASSING.has(error.code)) {
      // The way back is gone, or what was kept of it is not fit for the relay: trying on would show nothing for ever.
      this.#keep.clear(kept.id);
      this.#kept = null;
      if (this.story.session) this.#finish("meanwhile");
      else if (this.#joining) void this.#sendJoin();
      else this.story.phase = "join";
      this.#changed();
    } else if (error.code !== "offline") {
      setTimeout(() => this.#wire.isUp && !this.#present && this.#kept && void this.#resume(this.#kept), RETRY_MS);
    }
  }

  /** In the session, for the first time or again. */
  #arrive({ session: view, ice }) {
    const { story } = this;
    const again = story.session !== null;
    if (again) story.session.replace(view);
    else story.session = new Session(view);
    if (view.state === "ended") {
      this.#ended(view.end_reason ?? "ended_by_rep");
      return;
    }
    this.#present = true;
    story.phase = "inside";
    story.link = "online";
    if (!again && this.#kept.shared) story.again = story.session.me?.role === "primary" && this.report.screen === "yes";
    this.#keep.save(this.#kept);
    this.outbox ??= new Outbox({
      lines: this.#keep.pending(view.id),
      send: (line) => this.#sendLine(line),
      save: (lines) => this.#keep.savePending(view.id, lines),
      changed: this.#changed,
    });
    for (const line of story.session.lines) if (line.sender === view.you) this.outbox.arrived(line.id);
    for (const event of this.#early.splice(0)) if (event.session_id === view.id) story.session.take(event);
    this.#hub.setIce(ice);
    this.sharing.reconcile();
    this.sharing.tellSource();
    this.#changed();
    void this.sharing.tellWaiting();
    void this.#tellDevice();
    void this.outbox.flush();
    this.#checkHub();
  }

  /** @param {object} report what this browser can do, when that has changed */
  updateReport(report) {
    this.report = { ...report, network: this.#network.value };
    this.#changed();
    void this.#tellDevice();
  }

  async #tellDevice() {
    const report = JSON.stringify(this.report);
    if (!this.#present || report === this.#reported) return;
    try {
      await this.#ask("participant.report", { device: this.report });
      this.#reported = report;
    } catch (error) {
      console.warn("device not reported", error.code);
    }
  }

  // --- events of the session

  #event(event) {
    const { session } = this.story;
    if (!session) {
      if (this.#early.length < EARLY_EVENTS) this.#early.push(event);
      return;
    }
    if (event.session_id !== session.id || this.story.phase !== "inside") return;
    const { fact } = event;
    for (const notice of session.take(event)) this.#notify({ ...notice, at: event.at });
    if (fact.type === "chat_added" && fact.line.sender === session.you) this.outbox?.arrived(fact.line.id);
    if (fact.type === "session_ended") {
      this.#ended(fact.reason);
      return;
    }
    if (fact.type === "participant_left" && fact.participant_id === session.you) {
      this.#keep.clear(session.id);
      this.#finish("removed");
      return;
    }
    if (fact.type === "activity_changed") this.sharing.reconcile();
    if (fact.type.startsWith("participant_")) this.#checkHub(fact);
    this.#changed();
  }

  /** Make sure that there is a media connection to whoever is in charge now. */
  #checkHub(fact = null) {
    const rep = this.story.session?.rep;
    this.#watchNetwork();
    if (!rep) return;
    if (rep.id !== this.#hubId) {
      this.#hubId = rep.id;
      void this.#hub.offer();
    } else if (!fact) {
      this.#hub.ensure();
    } else if (fact.type === "participant_connection" && fact.participant_id === rep.id && rep.connection === "online") {
      // An app that came back asks by itself; offering at the same moment would only make two.
      setTimeout(() => this.#hub.ensure(), HUB_GRACE_MS);
    }
  }

  #signal({ session_id: id, sender, epoch, signal }) {
    if (id !== this.story.session?.id || sender !== this.#hubId) return;
    void this.#hub.take(epoch, signal);
  }

  #hubState(state) {
    this.story.hub = state;
    this.#watchNetwork();
    this.#changed();
  }

  #watchNetwork() {
    const hubIsThere = this.#present && this.story.session?.rep?.connection === "online";
    this.#network.look(this.story.hub === "connected", hubIsThere);
  }

  #remember(shared) {
    if (!this.#kept || this.story.phase !== "inside") return;
    this.#kept.shared = shared;
    this.#keep.save(this.#kept);
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
    this.sharing.close();
    this.#hub.close();
    const { session } = this.story;
    const told = this.#ask("session.leave", {}, 3_000).catch((error) => console.warn("leave not told", error.code));
    this.#keep.clear(session.id);
    this.#finish("left", told);
  }

  /** The page goes: tell the relay on the way out (B-12.4). */
  closing() {
    if (this.#present && this.story.phase === "inside") {
      this.#wire.farewell("page.closing", { session_id: this.story.session.id });
    }
  }

  #ended(reason) {
    this.#present = false;
    this.#keep.clear(this.story.session.id);
    this.#finish(reason);
  }

  #replaced() {
    this.#keep.leaveTab();
    this.#finish("replaced");
  }

  async #finish(why, last = null) {
    this.sharing.close();
    this.#kept = null;
    this.#network.close();
    this.#hub.close();
    this.story.finish(why);
    this.#changed();
    await last;
    this.#present = false;
    this.#wire.close();
  }
}
