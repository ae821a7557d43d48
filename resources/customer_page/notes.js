/** What happened in a visit besides the chat: told once, kept for reading again and for the summary. */

const MOST = 100;

/**
 * @typedef {{id: string, at: number, after: number, key: string, places?: object, words?: string, lasting?: boolean}} Note
 *   `after` is the last event before it by the relay's count, `words` what the customer read when he agreed
 */

/** Notes in their order; they survive a reload in the tab's own storage. */
export class Notes {
  #save;
  #number = 0;

  /** @param {(notes: Note[]) => void} save */
  constructor(save) {
    this.#save = save;
    /** @type {Note[]} */
    this.list = [];
  }

  /** @param {Note[]} notes of before the reload */
  load(notes) {
    this.list = notes.filter((note) => note && typeof note.key === "string");
    this.#number = this.list.length;
  }

  /**
   * @param {Omit<Note, "id">} note `lasting` ones (what was shared and agreed) outlive all others
   */
  add(note) {
    this.#number += 1;
    this.list.push({ ...note, id: `note ${Date.now()} ${this.#number}` });
    // A connection that comes and goes all night leaves no endless list.
    while (this.list.length > MOST) {
      const first = this.list.findIndex((one) => !one.lasting);
      this.list.splice(Math.max(first, 0), 1);
    }
    this.#save(this.list);
  }
}
