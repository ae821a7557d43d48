/** What stands around the card: the strip, the live strip with Stop, the chat, the toast, the question before leaving. */

import { cleaned } from "./chat.js";
import { LANGUAGES } from "./language.js";
import { h } from "./screens.js";

const TOAST_MS = 8_000;

/** Draws everything but the card. */
export class Frame {
  #visit;
  #language;
  #most;
  #part;
  #lines = new Map();
  #notes = [];
  #toast = 0;
  #unread = 0;
  #spoken = "";

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

  /** Draw what the story says now. */
  draw() {
    const { story } = this.#visit;
    this.#words();
    const { tone, key, places } = story.connection;
    this.#part.company.textContent = this.#visit.company || this.#t("company.unknown");
    this.#part.rep.textContent = story.session && story.phase === "inside" ? (story.session.repName ?? "") : "";
    this.#part.dot.className = `dot ${tone}`;
    this.#set(this.#part["link-words"], this.#t(key, places));
    this.#part.leave.hidden = story.phase !== "inside";
    this.#live();
    this.#chat();
    this.#title();
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
    part.text.placeholder = this.#t("chat.write");
    this.#lines.clear();
    part.lines.replaceChildren();
  }

  #title() {
    const { story } = this.#visit;
    let sharing = this.#t("page.title");
    if (story.screen === "asked") sharing = this.#t("asked.short", { name: story.session.repName });
    if (story.share === "running") sharing = `● ${this.#t("live.title")}`;
    const title = `${this.#unread ? `(${this.#unread}) ` : ""}${sharing} – ${this.#visit.company || this.#t("company.unknown")}`;
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

  #chat() {
    const { story, outbox } = this.#visit;
    const { session } = story;
    const lines = this.#part.lines;
    this.#part.chat.hidden = !session || (story.phase !== "inside" && session.lines.length === 0);
    this.#part.write.hidden = story.phase !== "inside";
    if (!session) return;
    const wanted = [
      ...session.lines.map((line) => ({ key: `l${line.seq}`, at: line.at, line })),
      ...this.#notes.map((note, place) => ({ key: `n${place}`, at: note.at, note })),
    ].sort((a, b) => a.at - b.at);
    const waiting = (outbox?.lines ?? []).map((line) => ({ key: `p${line.id}${line.failed ?? ""}`, at: line.at, pending: line }));
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
    const text = pending ? pending.text : line.text;
    let head = mine ? this.#t("chat.you") : line.sender_name;
    let state = this.#language.time(at);
    if (pending) state = pending.failed ? this.#t("chat.failed") : this.#t("chat.sending");
    if (!head) head = this.#t("rep.somebody");
    return h(
      "div",
      { className: `line ${mine ? "mine" : "theirs"}${pending ? " pending" : ""}` },
      h("p", { className: "by" }, h("strong", { textContent: head }), " ", h("span", { textContent: state })),
      h("p", { className: "said", textContent: text }),
    );
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
    this.#notes.push({ ...notice, at: Date.now() });
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
