/** The recording of the session, as the customer has it: his yes or no, the strip while it runs, and its stop. */

import { PASSING } from "./chat.js";

const ONLY_KEPT = { lasting: true, silent: true };

/** One customer's part in a recording. A stop that the relay could not be told yet is told when it is back. */
export class Recording {
  #parts;
  /** Ids of recordings that this customer answered or stopped → what the relay does not know of it yet. */
  #untold = new Map();

  /**
   * @param {{story: import("./story.js").Story, ask: (event: string, payload: object) => Promise<any>,
   *   say: (message: object) => void, changed: () => void, notify: (notice: object) => void, wordsChars: number}} parts
   *   `ask` speaks to the relay as a member of the session, `say` to the rep's app directly
   */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * The customer's answer.
   * @param {boolean} accept
   * @param {string} words what he read
   */
  async answer(accept, words) {
    const { session } = this.#parts.story;
    const asked = session.recordingAsked;
    if (!asked) return;
    const said = [...words].slice(0, this.#parts.wordsChars).join("");
    session.activities.set(asked.id, { ...asked, state: accept ? "answered" : "ended" });
    const name = session.repName;
    this.#parts.notify({ key: accept ? "note.recording_allowed" : "note.recording_refused", places: { name }, words: accept && said, ...ONLY_KEPT });
    this.#parts.changed();
    try {
      await this.#parts.ask("activity.answer", { activity_id: asked.id, accept, words: said });
    } catch (error) {
      // Without the relay's word nothing is recorded; asked again as soon as it is back, as it then says itself.
      if (PASSING.has(error.code) && !accept) this.#untold.set(asked.id, "denied");
      else if (session.activities.get(asked.id)?.state === "answered") session.activities.set(asked.id, asked);
      this.#parts.changed();
    }
  }

  /** Stop it: the rep's app is told directly, so that it works without the relay too. */
  stop() {
    const running = this.#parts.story.session?.recording;
    if (!running || this.#untold.has(running.id)) return;
    this.#untold.set(running.id, "stopped");
    this.#parts.say({ type: "stop_recording" });
    this.#parts.notify({ key: "note.recording_stopped", ...ONLY_KEPT });
    this.#parts.changed();
    void this.tellWaiting();
  }

  /** @returns {boolean} whether it was stopped here, and the relay has not confirmed it */
  get isStopping() {
    return this.#untold.has(this.#parts.story.session?.recording?.id ?? "");
  }

  /** Tell the relay what it does not know yet. */
  async tellWaiting() {
    for (const [id, reason] of this.#untold) {
      try {
        await this.#parts.ask("activity.stop", { activity_id: id, reason });
      } catch (error) {
        if (PASSING.has(error.code)) return;
        this.#untold.delete(id);
      }
    }
  }

  /**
   * The strip that stands there while it runs.
   * @param {Object<string, HTMLElement>} part elements by id
   * @param {import("./language.js").Language} language
   */
  draw(part, language) {
    const { story } = this.#parts;
    const running = story.phase === "inside" && story.session?.me?.role !== "waiting" ? story.session?.recording : null;
    part.recorded.hidden = !running;
    if (!running) return;
    const name = story.session.people.get(running.asked_by)?.name || language.t("rep.somebody");
    const words = language.t(this.isStopping ? "recording.stopping" : "recording.words", { name });
    if (part["recorded-words"].textContent !== words) part["recorded-words"].textContent = words;
    const stop = language.t("recording.stop");
    if (part["recorded-stop"].textContent !== stop) part["recorded-stop"].textContent = stop;
    part["recorded-stop"].hidden = this.isStopping;
  }

  /**
   * The question, on the card.
   * @param {import("./elements.js").Elements} make
   * @returns {Node[]}
   */
  question(make) {
    const name = make.repName;
    const keys = ["recording.title", "recording.what", "recording.text", "safe.text"];
    const words = keys.map((key) => make.t(key, { name })).join("\n");
    const [title, what] = make.page(keys[0], keys[1], { name });
    what.id = "record-what";
    const text = make.note(keys[2], { name });
    text.className = "";
    return [
      title, what, text,
      make.buttons(
        make.button("recording.allow", "main", () => void this.answer(true, words)),
        make.button("recording.refuse", "quiet", () => void this.answer(false, words)),
      ),
      make.safe(),
    ];
  }
}
