/** What stands around the card: the strip, the live strip with Stop, the chat, the toast, the question before leaving. */

import { cleaned } from "./chat.js";
import { LANGUAGES } from "./language.js";
import { h } from "./screens.js";

const TOAST_MS = 8_000;
const HUSH_MS = 1_000;
const NOTES = 100;

/** Draws everything but the card. */
export class Frame {
  #visit;
  #language;
  #most;
  #part;
  #lines = new Map();
  #notes = [];
  #noted = 0;
  #toast = 0;
  #unread = 0;
  #spoken = "";
  #said = "";
  #heading = "";
  #quiet = 0;

  /**
   * @param {import("./visit.js").Visit} visit
   * @param {import("./language.js").Language} language
   * @param {number} most the longest chat line, in code points
   * @param {(language: string) => void} choose called with the language that the customer picks
   */
  constructor(visit, language, most, choose) {
    this.#visit = visit;
    this.#language = language;
    this.#most = most;
    this.#part = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
    const part = this.#part;
    part.language.append(...Object.entries(LANGUAGES).map(([value, textContent]) => h("option", { value, textContent, lang: value })));
    part.language.addEventListener("change", () => choose(part.language.value));
    part.leave.addEventListener("click", () => this.#askToLeave());
    part.stop.addEventListener("click", () => this.#visit.sharing.stop());
    part.sure.addEventListener("close", () => part.sure.returnValue === "leave" && void this.#visit.leave());
    part.write.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#say();
    });
    part.text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#say();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#unread = 0;
      this.#title();
    });
  }

  #t(key, places) {
    return this.#language.t(key, places);
  }

  /** Close the question before leaving when there is nothing to leave any more; before the card takes the focus. */
  settle() {
    if (this.#visit.story.phase !== "inside" && this.#part.sure.open) this.#part.sure.close("stay");
  }

  /**
   * Draw what the story says now.
   * @param {string} heading the card's title, which the tab shows too
   */
  draw(heading) {
    this.#heading = heading;
    const { story } = this.#visit;
    this.#words();
    const { tone, key, places } = story.connection;
    this.#part.company.textContent = this.#visit.company || this.#t("company.unknown");
    this.#part.rep.textContent = story.session && story.phase === "inside" ? (story.session.repName ?? "") : "";
    this.#part.dot.className = `dot ${tone}`;
    this.#set(this.#part["link-words"], this.#t(key, places));
    this.#sayLink(key);
    this.#part.leave.hidden = story.phase !== "inside";
    this.#live();
    this.#chat();
    this.#title();
  }

  /** The customer's own line, broken or back, is read once; everything else on the strip is told elsewhere too. */
  #sayLink(key) {
    const broken = key === "strip.lost" || key === "strip.unreachable";
    if (broken === (this.#said !== "")) return;
    this.#said = broken ? key : "";
    this.#part.announce.textContent = this.#t(key);
  }

  /** Screen readers read what changes in a live region, so nothing is written that is there already. */
  #set(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  #words() {
    if (this.#spoken === this.#language.current) return;
    this.#spoken = this.#language.current;
    document.documentElement.lang = this.#language.current;
    const part = this.#part;
    part.language.hidden = false;
    part.language.value = this.#language.current;
    part.language.setAttribute("aria-label", this.#t("language.label"));
    const words = {
      leave: "leave.button", "chat-title": "chat.title", "text-label": "chat.write", send: "chat.send",
      "sure-title": "leave.title", "sure-text": "leave.text", "sure-stay": "leave.stay", "sure-leave": "leave.button",
    };
    for (const [id, key] of Object.entries(words)) part[id].textContent = this.#t(key);
    part.toast.className = "toast";
    this.#hush();
    part.text.placeholder = this.#t("chat.write");
    this.#lines.clear();
    part.lines.replaceChildren();
  }

  #title() {
    const { story } = this.#visit;
    let state = this.#heading || this.#t("page.title");
    if (story.share === "running") state = `● ${this.#t(story.paused ? "paused.title" : "live.title")}`;
    const title = `${this.#unread ? `(${this.#unread}) ` : ""}${state} – ${this.#visit.company || this.#t("company.unknown")}`;
    if (document.title !== title) document.title = title;
  }

  #live() {
    const { story } = this.#visit;
    const running = story.share === "running" && story.phase === "inside";
    this.#part.live.hidden = !running;
    document.body.classList.toggle("sharing", running);
    if (!running) return;
    const names = story.session.audience(story.session.running);
    const key = story.paused ? "live.paused" : "live.words";
    const list = names.length ? this.#language.list(names) : this.#t("rep.somebody");
    this.#set(this.#part["live-words"], this.#t(key, { names: list, count: Math.max(names.length, 1) }));
    this.#set(this.#part.stop, this.#t("live.stop"));
  }

  // --- chat

  /** Lines that were there before are put there again (a reload, another language): they are not news to be read. */
  #hush() {
    clearTimeout(this.#quiet);
    this.#part.lines.setAttribute("aria-live", "off");
    this.#quiet = setTimeout(() => this.#part.lines.setAttribute("aria-live", "polite"), HUSH_MS);
  }

  #chat() {
    const { story, outbox } = this.#visit;
    const { session } = story;
    const lines = this.#part.lines;
    this.#part.chat.hidden = !session || (story.phase !== "inside" && session.lines.length === 0);
    this.#part.write.hidden = story.phase !== "inside";
    if (!session) {
      this.#hush();
      return;
    }
    // By the relay's order, never by clocks: this computer's may be wrong.
    const wanted = [
      ...session.lines.map((line) => ({ key: line.id, place: line.seq, at: line.at, line })),
      ...this.#notes.map((note) => ({ key: note.id, place: note.after + 0.5, at: note.at, note })),
    ].sort((a, b) => a.place - b.place);
    const waiting = (outbox?.lines ?? []).map((line) => ({ key: line.id, at: line.at, pending: line }));
    const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 60;
    const keys = new Set();
    let before = null;
    for (const entry of [...wanted, ...waiting]) {
      keys.add(entry.key);
      let element = this.#lines.get(entry.key);
      if (!element) {
        element = this.#line(entry);
        this.#lines.set(entry.key, element);
        if (entry.line && entry.line.sender !== session.you && document.visibilityState !== "visible") this.#unread += 1;
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
    if (atEnd) lines.scrollTop = lines.scrollHeight;
  }

  #line({ at, line, note, pending }) {
    if (note) return h("p", { className: "note-line" }, h("time", { textContent: this.#language.time(at) }), " ", this.#t(note.key, note.places));
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
  #state(element, { at, note, pending }) {
    if (note) return;
    // Most lines stand where they stood: nothing is looked up or written for them, however many they are.
    const state = pending ? (pending.failed ? "failed" : "sending") : "there";
    if (element.dataset.state === state) return;
    element.dataset.state = state;
    let words = this.#language.time(at);
    if (pending) words = this.#t(pending.failed ? "chat.failed" : "chat.sending");
    this.#set(element.querySelector(".state"), words);
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
    void this.#visit.say(text);
    this.#part.lines.scrollTop = this.#part.lines.scrollHeight;
    this.#part.text.focus();
  }

  // --- what is said once

  /**
   * Say something once: on a toast, and as a line in the transcript's margin for later reading.
   * @param {{key: string, places?: object, tone?: string}} notice
   */
  notify(notice) {
    const after = this.#visit.story.session?.lastLine ?? 0;
    this.#noted += 1;
    this.#notes.push({ at: Date.now(), ...notice, after, id: `note ${this.#noted}` });
    // A connection that comes and goes all night leaves no endless list.
    this.#notes.splice(0, this.#notes.length - NOTES);
    clearTimeout(this.#toast);
    this.#part.toast.className = `toast shown ${notice.tone === "live" ? "about-live" : ""}`;
    this.#part.toast.textContent = this.#t(notice.key, notice.places);
    this.#toast = setTimeout(() => {
      this.#part.toast.className = "toast";
      this.#part.toast.textContent = "";
    }, TOAST_MS);
  }

  #askToLeave() {
    this.#part.sure.returnValue = "stay";
    this.#part.sure.showModal();
  }
}
