/** The files of a visit: offered, answered, on their way and here; what moves them is a worker for each. */

import { beginning } from "./files_begin.js";
import { FilesBook } from "./files_book.js";
import { sizeWords } from "./files_card.js";
import { FileEnds } from "./files_ends.js";
import { kept as fileOf, remove, room, saveAs } from "./files_place.js";
import { Pace } from "./files_pace.js";
import { fromText, openMeta, sealedOffer, secretCalled, secretsWith, toText } from "./files_seal.js";

const AGAIN_MS = 1_000;
/** So long what came can be saved after the session; then it is nobody's business on this computer any more. */
const KEPT_MS = 600_000;
const DIRECT_MS = 5_000;
const DIVERTED = "file_diverted";
const OVER = new Set(["activity_unknown", "not_allowed", "session_ended", "session_unknown", "transfer_gone"]);
const OPEN = new Set(["packing", "sealed", "offered", "waiting", "running", "paused", "again"]);

const BLANK = { id: "", name: "", type: "", done: 0, rate: 0, digest: "", weak: false, code: "", end: "", untold: "", key: "", modified: 0, byMe: false, held: false };

export class Files {
  #parts;
  #book;
  #secrets;
  #ends;
  /** Stops removing what is another tab's now. */
  #moved = new AbortController();
  #lines = new Map();
  #workers = new Map();
  #sources = new Map();
  /** What came in a window whose browser keeps nothing. */
  #pieces = new Map();
  #paces = new Map();
  #recalled = "";
  #waited = new Set();
  #takenBack = new Set();

  constructor(parts) {
    this.#parts = parts;
    this.#book = new FilesBook(parts.storage);
    this.#secrets = parts.secrets;
    this.#ends = new FileEnds({ ask: parts.ask, story: parts.story, keep: () => this.#save() });
  }

  get lines() {
    return [...this.#lines.values()];
  }

  get #session() {
    return this.#parts.story.session;
  }

  get hurdle() {
    const { story } = this.#parts;
    const me = this.#session?.me;
    if (story.phase !== "inside" || me?.role !== "primary") return "hidden";
    if (!me.device?.file_key) return isSecureContext ? "files.no_browser" : "files.insecure";
    return this.#session.rep?.device?.file_key ? "" : "files.not_yet";
  }

  get isHidden() {
    return (this.hurdle === "hidden" || this.#session?.isOnItsWay) && !this.#lines.size;
  }

  most() {
    return room(this.#parts.largest?.());
  }

  settle() {
    const session = this.#session;
    if (!session) return;
    if (this.#recalled !== session.id) this.#recall(session.id);
    const current = new Set();
    for (const activity of session.activities.values()) {
      if (activity.kind !== "file") continue;
      current.add(activity.file?.transfer);
      this.take(activity);
    }
    for (const line of this.lines) {
      if (!line.id || current.has(line.transfer)) continue;
      line.untold = ""; // the relay has none any more
      if (OPEN.has(line.state)) this.#end(line, "stopped");
    }
    this.#save();
    this.#changed();
  }

  take(activity) {
    const session = this.#session;
    const about = activity.file;
    if (!about || !session) return;
    const incoming = activity.subject !== session.you;
    let line = this.#lines.get(about.transfer);
    if (!incoming && activity.state !== "ended" && (!line || (!OPEN.has(line.state) && !line.id))) {
      this.#takeBack(activity.id, line);
      return;
    }
    if (!line) {
      if (activity.state === "ended") return;
      line = this.#add({ transfer: about.transfer, incoming, size: about.size, state: "sealed" });
    }
    if (line.untold && line.id === activity.id && activity.state !== "ended") void this.#ends.tell(line, line.untold);
    if (!OPEN.has(line.state) || (incoming && line.id && line.id !== activity.id)) return;
    line.id = activity.id;
    line.other = incoming ? activity.subject : activity.seen_by[0];
    if (activity.state === "ended") this.#ended(line, activity);
    else if (incoming && !line.key) void this.#unseal(line, about, activity);
    else this.#stand(line, activity);
    this.#changed();
  }

  /** The relay has an offer of which nothing is known here any more, or that has failed for want of its answer. */
  #takeBack(id, line) {
    if (this.#takenBack.has(id) || this.#recalled !== this.#session.id) return;
    this.#takenBack.add(id);
    if (line) line.id = id;
    void this.#ends.tell({ id }, line?.state === "stopped" ? "stopped" : "failed");
  }

  #stand(line, activity) {
    if (activity.state === "asked") line.state = line.incoming ? "offered" : "waiting";
    else if (activity.paused || line.held) this.#rest(line, activity);
    else if (!line.incoming && !this.#sources.has(line.transfer)) line.state = "again";
    else this.#move(line);
  }

  /** Paused; the relay is told once more where it did not hear of it. */
  #rest(line, activity) {
    this.#halt(line, "paused");
    if (activity.paused) line.held = false;
    else void this.#try(line, "activity.update", { paused: true }, line.code === DIVERTED ? DIVERTED : "");
  }

  async #unseal(line, about, activity) {
    const secret = await secretCalled(this.#session.people.get(line.other), this.#secrets, about.key_id);
    if (!secret || line.key) return; // it comes with the connection
    try {
      const { name, type } = await openMeta(secret.value, about.transfer, about.sealed);
      Object.assign(line, { name, type, key: toText(secret.value), weak: secret.weak });
    } catch (error) {
      console.warn("an offered file cannot be read", error);
      return;
    }
    this.#save();
    if (!OPEN.has(line.state)) return;
    if (activity.state === "asked") this.#parts.tell({ key: "notice.file_offered", places: { name: this.#session.repName } });
    this.#stand(line, this.#session.activities.get(activity.id) ?? activity);
    this.#changed();
  }

  #ended(line, { end, ended_by: by }) {
    Object.assign(line, { byMe: line.byMe || by === this.#session.you, end: end ?? "", code: "" });
    if (end === "finished" && !line.incoming) this.#arrived(line);
    else this.#end(line, { denied: "declined", failed: "failed" }[end] ?? "stopped");
  }

  #end(line, state) {
    this.#halt(line, state);
    // What came into memory stays for Save.
    if (!line.incoming || state !== "done") this.#sources.delete(line.transfer);
    this.#pieces.delete(line.transfer);
    line.key = "";
    if (line.incoming && state !== "done") void remove(line.transfer, { signal: this.#moved.signal });
    this.#save();
  }

  #arrived(line) {
    line.done = line.size;
    this.#end(line, "done");
    const key = line.incoming ? "notice.file_here" : "notice.file_sent";
    this.#parts.tell({ key, places: { file: line.name, size: sizeWords({ current: document.documentElement.lang || "en" }, line.size), hash: line.digest }, lasting: true });
  }
  /** Offer files. */
  async offer(files) {
    // It may end while one of them is being offered.
    for (const file of files) if (this.#parts.story.phase !== "over") await this.#offer(this.#outgoing(file.name), file);
  }

  /** Offer folders, each as an archive; reading a large one takes a while. */
  async offerFolders(folders) {
    for (const folder of folders) {
      if (this.#parts.story.phase === "over") return;
      const line = this.#outgoing(`${folder.name}.zip`, { folder: true, state: "packing" });
      this.#changed();
      try {
        const file = await this.#packed(line, folder);
        if (!file) continue;
        line.state = "waiting";
        await this.#offer(line, file);
      } catch (error) {
        console.warn("folder not packed", error);
        this.#fail(line, error.code && typeof error.code === "string" ? error.code : "file_gone");
      }
    }
  }

  /** The archive of a folder; null where it was cancelled, or the session's end came, before that was done. */
  async #packed(line, { name, gather }) {
    const isStopped = () => !OPEN.has(line.state);
    try {
      const { zipped } = await import("./files_folder.js");
      const file = await zipped(name, await gather(isStopped), isStopped);
      return isStopped() ? null : file;
    } catch (error) {
      if (isStopped()) return null;
      throw error;
    }
  }

  #outgoing(name, more = {}) {
    return this.#add({
      transfer: toText(crypto.getRandomValues(new Uint8Array(18))), incoming: false, name, size: 0, state: "waiting", ...more,
    });
  }

  #fail(line, code) {
    if (!OPEN.has(line.state)) return; // stopped, or the session's end, came first
    line.code = code;
    this.#end(line, "failed");
    this.#changed();
  }

  async #offer(line, file) {
    Object.assign(line, { name: file.name, type: file.type, size: file.size, modified: file.lastModified });
    this.#sources.set(line.transfer, file);
    this.#changed();
    try {
      const rep = this.#session.rep;
      await this.#direct(rep.id);
      if (!OPEN.has(line.state)) return; // cancelled meanwhile
      const secret = (await secretsWith(rep, this.#secrets))[0];
      Object.assign(line, { key: toText(secret.value), weak: secret.weak, other: rep.id });
      const { activity_id: id } = await this.#parts.ask("activity.offer", {
        request_id: line.transfer,
        kind: "file",
        file: await sealedOffer(secret, line.transfer, file),
      });
      const unheard = !line.id;
      line.id = id;
      if (!OPEN.has(line.state)) {
        this.#end(line, line.state);
        if (unheard) void this.#ends.tell(line, "stopped"); // cancelled before the relay had answered
      }
      this.#save();
      this.#changed();
    } catch (error) {
      // Where only the answer was lost the relay has told of it already, and it stands.
      if (!line.id) this.#fail(line, error.code ?? "internal");
    }
  }

  /** Wait a moment, once, for the connection from end to end: its secret is the better one. */
  async #direct(hub) {
    const until = this.#waited.has(hub) ? 0 : performance.now() + DIRECT_MS;
    while (!this.#secrets.has(hub) && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 100));
    this.#waited.add(hub);
  }

  async answer(line, accept) {
    if (accept) {
      const { bytes } = await room();
      if (line.size > bytes) {
        line.code = "file_no_room";
        this.#changed();
        return;
      }
    }
    await this.#try(line, "activity.answer", { accept });
  }

  async pause(line, paused, why = "") {
    const activity = this.#session.activities.get(line.id);
    line.held = paused && !activity?.paused;
    if (paused) this.#halt(line, "paused");
    else if (activity && !activity.paused) this.#stand(line, activity); // the relay never heard of the pause, and will tell nothing
    this.#changed();
    await this.#try(line, "activity.update", { paused }, why);
  }

  async cancel(line) {
    Object.assign(line, { byMe: true, code: "" });
    this.#end(line, "stopped");
    this.#changed();
    if (line.id) void this.#ends.tell(line, "stopped"); // else it is stopped once it is offered
  }

  /** After a reload: the file that was being sent, or the folder. */
  async chooseAgain(line, file, folders = []) {
    if (folders.length) file = await this.#packed(line, folders[0]);
    if (!file) return;
    if (file.name !== line.name || file.size !== line.size || file.lastModified !== line.modified) {
      line.code = "file_other";
      this.#changed();
      return;
    }
    line.code = "";
    this.#sources.set(line.transfer, file);
    const activity = this.#session.activities.get(line.id);
    if (activity) this.#stand(line, activity);
    this.#changed();
  }

  async save(line) {
    saveAs(this.#sources.get(line.transfer) ?? (await fileOf(line.transfer)), line.name);
  }

  async #try(line, event, payload, why = "") {
    const code = await this.#parts.ask(event, { activity_id: line.id, ...payload }).then(() => "", (error) => error.code);
    // Cancelled or ended meanwhile, it has its own words.
    if (OPEN.has(line.state) && !OVER.has(code)) line.code = why || code;
    this.#changed();
  }
  #move(line, patience) {
    line.state = "running";
    if (this.#workers.has(line.transfer)) return;
    if (line.code === DIVERTED) line.code = "";
    const again = (next) => (this.#halt(line, "running"), this.#move(line, next));
    const worker = beginning((data, by) => this.#said(line, by, data), again, patience);
    this.#workers.set(line.transfer, worker);
    this.#paces.set(line.transfer, new Pace());
    worker.addEventListener("error", (event) => this.#stuck(line, worker, event.message ?? ""));
  }

  #said(line, worker, data) {
    if (this.#workers.get(line.transfer) !== worker) return;
    if (data.wanted === "receipt") worker.postMessage({ receipt: true });
    if (data.wanted === "ticket") void this.#ticket(line, worker);
    if (data.wanted === "job") {
      const file = line.incoming ? null : this.#sources.get(line.transfer);
      const pieces = this.#pieces.get(line.transfer);
      worker.postMessage({ file, pieces, secret: fromText(line.key), transfer: line.transfer, size: line.size });
    }
    if (data.done !== undefined) Object.assign(line, { done: data.done, rate: this.#paces.get(line.transfer).rate(data.done) });
    if (data.failed) this.#stuck(line, worker, data.failed);
    if (data.piece) {
      if (!this.#pieces.has(line.transfer)) this.#pieces.set(line.transfer, []);
      this.#pieces.get(line.transfer)[data.number] = data.piece;
      return;
    }
    if (data.memory) this.#sources.set(line.transfer, data.memory);
    line.digest = data.hash ?? data.digest ?? line.digest;
    if (data.digest && line.incoming) this.#received(line);
    this.#changed();
  }

  #received(line) {
    this.#arrived(line);
    void this.save(line).catch((error) => console.warn("not saved", error));
    void this.#ends.tell(line, "finished");
  }

  #stuck(line, worker, code) {
    console.warn("file transfer failed", code);
    if (code === DIVERTED) {
      line.code = code;
      void this.pause(line, true, code); // whoever has signed in to that network goes on
      return;
    }
    line.code = code.startsWith("file_") ? code : "file_stuck";
    line.byMe = true;
    this.#end(line, "failed");
    void this.#ends.tell(line, "failed");
    this.#changed();
  }

  async #ticket(line, worker) {
    while (this.#workers.get(line.transfer) === worker) {
      try {
        worker.postMessage({ ticket: await this.#parts.ask("file.open", { activity_id: line.id }) });
        return;
      } catch (error) {
        if (OVER.has(error.code)) return; // its end is told by the relay
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }

  #halt(line, state) {
    this.#workers.get(line.transfer)?.terminate();
    this.#workers.delete(line.transfer);
    line.rate = 0;
    line.state = state;
  }
  #add(some) {
    const line = { ...BLANK, ...some };
    this.#lines.set(line.transfer, line);
    return line;
  }

  #recall(id) {
    this.#recalled = id;
    for (const line of this.#book.lines(id)) if (!this.#lines.has(line.transfer)) this.#add({ ...line, rate: 0, held: false });
    void this.#book.sweep(id, () => this.lines.filter(({ state }) => state === "done" || OPEN.has(state)).map(({ transfer }) => transfer));
  }

  #save() {
    // Of one that is being packed or offered nothing is left after a reload; of none after the end.
    if (this.#session && this.#parts.story.phase !== "over") this.#book.keep(this.#session.id, this.lines.filter(({ id, state, untold }) => state === "done" || (id && (untold || OPEN.has(state)))));
  }

  #changed() {
    this.#parts.changed();
  }

  /** @param {boolean} [elsewhere] another tab goes on with the session: what is kept in this browser is that one's now */
  close(elsewhere = false) {
    if (elsewhere) this.#moved.abort();
    for (const line of this.lines) {
      if (elsewhere && OPEN.has(line.state)) this.#halt(line, "stopped");
      else if (OPEN.has(line.state)) this.#end(line, "stopped");
      else if (!elsewhere && line.incoming) setTimeout(() => void remove(line.transfer), KEPT_MS);
    }
    this.#pieces.clear();
    if (!elsewhere) this.#book.forget(this.#recalled);
    this.#changed();
  }
}
