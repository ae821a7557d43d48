/** The survey after the end (B-12.7): open to whoever was helped or watched, sent once, tried again if it fails. */

/** Ends after which the relay still takes this customer's word on how it went. */
const ENDS = new Set(["ended_by_rep", "controller_lost", "expired", "relay_closed"]);

/** One customer's answer. */
export class Survey {
  #parts;
  #story;

  /**
   * @param {{story: import("./story.js").Story, ask: (event: string, payload: object) => Promise<any>,
   *   sent: () => void, changed: () => void}} parts
   */
  constructor(parts) {
    this.#parts = parts;
    this.#story = parts.story;
  }

  /** @returns {boolean} whether an answer may still come */
  get isOpen() {
    return this.#story.survey === "open" || this.#story.survey === "sending";
  }

  /** @param {string} reason the relay's reason for the end */
  begin(reason) {
    const role = this.#story.session.me?.role;
    if (ENDS.has(reason) && (role === "primary" || role === "secondary")) this.#story.survey = "open";
  }

  /**
   * Tell the relay.
   * @param {number} rating 1 to 5
   * @param {string} comment
   */
  async send(rating, comment) {
    const story = this.#story;
    story.survey = "sending";
    story.hint = null;
    this.#parts.changed();
    try {
      await this.#parts.ask("survey.send", { rating, comment });
      story.survey = "sent";
      this.#parts.sent();
    } catch (error) {
      console.warn("survey not sent", error.code);
      story.survey = "open";
      story.hint = { key: error.code === "offline" ? "survey.offline" : "survey.failed" };
    }
    this.#parts.changed();
  }
}
