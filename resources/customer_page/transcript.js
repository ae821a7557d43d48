/** The chat on the screen: lines, notes and marks in the relay's order, what is being written, what is new. */

import { cleaned } from "./chat.js";
import { h } from "./elements.js";
import { markWords } from "./session.js";
import { inOrder, inSentence } from "./summary.js";

const HUSH_MS = 1_000;

/** Draws the transcript and takes what the customer writes. */
export class Transcript {
  #part;
  #visit;
  #language;
  #most;
  #lines = new Map();
  #quiet = 0;
  /** Whether the list keeps to its end: until the customer scrolls up, whatever becomes of the window's size. */
  #follows = true;
  #box = "";
  /** Lines of others that came while nobody looked. */
  unread = 0;

  /**
   * @param {Object<string, HTMLElement>} part the page's parts by id
   * @param {import("./visit.js").Visit} visit
   * @param {import("./language.js").Language} language
   * @param {number} most the longest chat line, in code points
   */
  constructor(part, visit, language, most) {
    this.#part = part;
    this.#visit = visit;
    this.#language = language;
    this.#most = most;
    part.write.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#say();
    });
    part.lines.addEventListener("scroll", () => this.#look());
    new ResizeObserver(() => this.#look()).observe(part.lines);
    part.text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#say();
    });
  }

  #t(key, places) {
    return this.#language.t(key, places);
  }

  /** Another language: everything is put there again. */
  clear() {
    this.#hush();
    this.#lines.clear();
    this.#part.lines.replaceChildren();
    this.#follows = true;
  }

  /** Lines that were there before are put there again (a reload, another language): they are not news to be read. */
  #hush() {
    clearTimeout(this.#quiet);
    this.#part.lines.setAttribute("aria-live", "off");
    this.#quiet = setTimeout(() => this.#part.lines.setAttribute("aria-live", "polite"), HUSH_MS);
  }

  /**
   * Where the customer looks. In a box of another size the place says nothing, for the size moved it, not the customer:
   * then the list is put to its end at once, as whoever looks next would take the moved place for his.
   */
  #look() {
    const { lines } = this.#part;
    const box = `${lines.clientWidth} ${lines.clientHeight}`;
    if (box === this.#box) this.#follows = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 60;
    else if (this.#follows) lines.scrollTop = lines.scrollHeight;
    this.#box = box;
  }

  /** Draw what the story says now. */
  draw() {
    const { story, outbox } = this.#visit;
    const { session } = story;
    const lines = this.#part.lines;
    // Whoever is not let in yet can write to nobody.
    const outside = !session || session.me?.role === "waiting";
    this.#part.chat.hidden = outside || (story.phase !== "inside" && session.lines.length === 0);
    this.#part.write.hidden = story.phase !== "inside";
    if (!session) {
      this.#hush();
      return;
    }
    const wanted = [...inOrder(session, this.#visit.notes.list), ...this.#end(story.over)];
    const waiting = (outbox?.lines ?? []).map((line) => ({ key: line.id, at: line.at, pending: line }));
    this.#look();
    const keys = new Set();
    let before = null;
    for (const entry of [...wanted, ...waiting]) {
      keys.add(entry.key);
      let element = this.#lines.get(entry.key);
      if (!element) {
        element = this.#line(entry);
        this.#lines.set(entry.key, element);
        if (entry.line && entry.line.sender !== session.you && document.visibilityState !== "visible") this.unread += 1;
      }
      this.#state(element, entry);
      const next = before ? before.nextSibling : lines.firstChild;
      if (next !== element) lines.insertBefore(element, next);
      before = element;
    }
    for (const [key, element] of this.#lines) {
      if (keys.has(key)) continue;
      element.remove();
      this.#lines.delete(key);
    }
    if (!keys.size && !lines.firstChild) lines.append(h("p", { className: "empty", textContent: this.#t("chat.empty") }));
    else if (keys.size) lines.querySelector(".empty")?.remove();
    if (this.#follows) lines.scrollTop = lines.scrollHeight;
  }

  /** The last line of all: how it ended, where there is a sentence for it. */
  #end(over) {
    const key = `over.${over?.why}.then`;
    return this.#language.has(key) ? [{ key, at: over.at, note: { key, places: { name: over.name } } }] : [];
  }

  #line({ at, line, note, mark, pending }) {
    if (note || mark) {
      const words = h("span", { textContent: inSentence(this.#language, note ?? markWords(mark)) });
      return h("p", { className: mark ? "mark-line" : "note-line" }, h("time", { textContent: this.#language.time(at) }), " ", words);
    }
    const mine = Boolean(pending) || line.sender === this.#visit.story.session.you;
    const head = (mine ? this.#t("chat.you") : line.sender_name) || this.#t("rep.somebody");
    return h(
      "div",
      { className: `line ${mine ? "mine" : "theirs"}` },
      h("p", { className: "by" }, h("strong", { textContent: head }), " ", h("span", { className: "state" })),
      h("p", { className: "said", textContent: (pending ?? line).text }),
    );
  }

  /** Where a line stands. The same element says it from writing to delivery, so that the line is read out once. */
  #state(element, { at, note, mark, pending }) {
    if (note || mark) return;
    // Most lines stand where they stood: nothing is looked up or written for them, however many they are.
    const state = pending ? (pending.failed ? "failed" : "sending") : "there";
    if (element.dataset.state === state) return;
    element.dataset.state = state;
    let words = this.#language.time(at);
    if (pending) words = this.#t(pending.failed ? "chat.failed" : "chat.sending");
    const said = element.querySelector(".state");
    if (said.textContent !== words) said.textContent = words;
    element.classList.toggle("pending", Boolean(pending));
    const button = element.querySelector("button");
    if (!pending?.failed) button?.remove();
    else if (!button) {
      const again = () => void this.#visit.outbox.again(pending.id);
      element.append(h("button", { type: "button", className: "quiet again", textContent: this.#t("chat.again"), onclick: again }));
    }
  }

  #say() {
    const text = cleaned(this.#part.text.value, this.#most);
    if (!text) return;
    this.#part.text.value = "";
    this.#follows = true;
    void this.#visit.say(text);
    this.#part.lines.scrollTop = this.#part.lines.scrollHeight;
    this.#part.text.focus();
  }
}
