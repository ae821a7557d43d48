/** What stands around the card: the strip, the live strip with Stop, the toast, the question before leaving. */

import { CallStrip } from "./call.js";
import { h } from "./elements.js";
import { LANGUAGES } from "./language.js";
import { People } from "./people.js";
import { Preview } from "./preview.js";
import { inSentence } from "./summary.js";
import { Tiles } from "./tiles.js";
import { Transcript } from "./transcript.js";
import { Watch } from "./watch.js";

const TOAST_MS = 8_000;

/** Draws everything but the card; transcript and people have modules of their own. */
export class Frame {
  #visit;
  #language;
  #part;
  #toast = 0;
  #transcript;
  #people;
  #watch;
  #preview;
  #tiles;
  #call;
  #spoken = "";
  #said = "";
  #heading = "";

  /**
   * @param {import("./visit.js").Visit} visit
   * @param {import("./language.js").Language} language
   * @param {number} most the longest chat line, in code points
   * @param {(language: string) => void} choose called with the language that the customer picks
   */
  constructor(visit, language, most, choose) {
    this.#visit = visit;
    this.#language = language;
    this.#part = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
    const part = this.#part;
    this.#transcript = new Transcript(part, visit, language, most);
    this.#people = new People(part.people);
    this.#watch = new Watch(part, visit.drawing, () => this.draw(this.#heading));
    this.#preview = new Preview(part, visit, () => this.draw(this.#heading));
    visit.drawn = () => {
      this.#watch.sketch();
      this.#preview.sketch();
    };
    this.#tiles = new Tiles(part, visit, language);
    this.#call = new CallStrip(part, visit.voice);
    part.language.append(...Object.entries(LANGUAGES).map(([value, textContent]) => h("option", { value, textContent, lang: value })));
    part.language.addEventListener("change", () => choose(part.language.value));
    part.leave.addEventListener("click", () => this.#askToLeave());
    part["recorded-stop"].addEventListener("click", () => this.#visit.recording.stop());
    part.stop.addEventListener("click", () => this.#visit.sharing.stop());
    part.sure.addEventListener("close", () => part.sure.returnValue === "leave" && void this.#visit.leave());
    for (const moved of ["scroll", "resize"]) window.addEventListener(moved, () => this.#place(), { passive: true });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#transcript.unread = 0;
      this.#title();
    });
  }

  #t(key, places) {
    return this.#language.t(key, places);
  }

  /** @returns {?HTMLElement} where the customer is writing a message, if it is in sight: whatever comes, it stays there */
  get writing() {
    const { text, write } = this.#part;
    if (document.activeElement !== text || !text.value) return null;
    const { top, bottom } = write.getBoundingClientRect();
    return top < innerHeight && bottom > 0 ? write : null;
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
    this.#set(this.#part["sure-text"], this.#t(story.session?.state === "queued" ? "leave.text_queued" : "leave.text"));
    this.#live();
    this.#visit.recording.draw(this.#part, this.#language);
    this.#transcript.draw();
    this.#people.draw(story, this.#language);
    this.#visit.files.draw(this.#part.files, this.#language);
    this.#watch.draw(story, this.#visit.down, this.#language);
    this.#preview.draw(this.#language);
    this.#tiles.draw();
    this.#part.talk.dataset.can = this.#visit.report.microphone === "no" ? "" : "1";
    this.#call.draw(story, this.#visit.voice.sound, this.#language);
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
      "sure-title": "leave.title", "sure-stay": "leave.stay", "sure-leave": "leave.button",
    };
    for (const [id, key] of Object.entries(words)) part[id].textContent = this.#t(key);
    part.toast.className = "toast";
    part.text.placeholder = this.#t("chat.write");
    this.#transcript.clear();
  }

  #title() {
    const { story } = this.#visit;
    let state = this.#heading || this.#t("page.title");
    if (story.share === "running") state = `● ${this.#t(story.paused ? "paused.title" : "live.title")}`;
    const title = `${this.#transcript.unread ? `(${this.#transcript.unread}) ` : ""}${state} – ${this.#visit.company || this.#t("company.unknown")}`;
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

  // --- what is said once

  /**
   * Say something once, on a toast; for reading again it stands in the transcript too.
   * @param {{key: string, places?: object, tone?: string}} notice
   */
  notify(notice) {
    this.say(inSentence(this.#language, notice), notice.tone);
  }

  /**
   * @param {string} text in the customer's language
   * @param {string} [tone]
   */
  say(text, tone = "") {
    clearTimeout(this.#toast);
    this.#part.toast.className = `toast shown ${tone === "live" ? "about-live" : ""}`;
    this.#part.toast.textContent = text;
    this.#place();
    this.#toast = setTimeout(() => {
      this.#part.toast.className = "toast";
      this.#part.toast.textContent = "";
    }, TOAST_MS);
  }

  /** In one column it lies over the messages, as long as there is room in sight for it; else at the window's edge. */
  #place() {
    const { toast, told } = this.#part;
    if (!toast.textContent) return;
    const { top, bottom } = told.getBoundingClientRect();
    const place = Math.min(bottom, innerHeight) - Math.max(top, 0) < toast.offsetHeight ? document.body : told;
    if (toast.parentNode !== place) place.append(toast);
  }

  #askToLeave() {
    this.#part.sure.returnValue = "stay";
    this.#part.sure.showModal();
  }
}
