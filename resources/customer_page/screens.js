/** The card in the middle: one thing at a time, for whatever the story says now. */

import { After } from "./after.js";
import { inWords } from "./checks.js";
import { Elements, h } from "./elements.js";
import { Forms } from "./forms.js";
import { markWords } from "./session.js";

const FORMS = new Set(["join", "enter"]);
/** Sources of a share that have words of their own. */
const SOURCES = { monitor: "source.monitor", window: "source.window", browser: "source.browser" };

/**
 * The estimated wait, or that it is not known (B-11.2); of a queue that is closed, that it is closed says enough.
 * @param {import("./language.js").Language} language
 * @param {?{wait_s?: ?number, is_open?: boolean}} place in line, as far as it is known
 * @returns {?string}
 */
export function waitWords(language, place) {
  const seconds = place?.wait_s ?? null;
  if (seconds === null) return place?.is_open === false ? null : language.t("queue.wait_unknown");
  const minutes = Math.max(1, Math.round(seconds / 60));
  return minutes > 90 ? language.t("queue.wait_long") : language.t("queue.wait", { count: minutes });
}

/** Draws the card for the story's screen. It is built anew only when its content is another one. */
export class Screens {
  #card;
  #visit;
  #language;
  #tell;
  #make;
  #forms;
  #after;
  #drawn = "";
  #screen = "";
  #line = "";
  #asks = false;

  /**
   * @param {HTMLElement} card
   * @param {import("./visit.js").Visit} visit
   * @param {import("./language.js").Language} language
   * @param {(text: string) => void} tell says something once where it is seen, wherever the page is scrolled to
   */
  constructor(card, visit, language, tell) {
    this.#tell = tell;
    this.#card = card;
    this.#visit = visit;
    this.#language = language;
    this.#make = new Elements(visit, language);
    this.#forms = new Forms(this.#make, () => this.draw());
    this.#after = new After(this.#make, () => this.draw());
  }

  /** @returns {string} the title of what is shown */
  get heading() {
    return this.#card.querySelector("h1")?.textContent ?? "";
  }

  /** @returns {string} how he stands in line: his place, and what keeps the line from moving */
  get #standing() {
    const said = [...this.#card.querySelectorAll("#title, #nobody, #opens")];
    return said.map(({ textContent }) => textContent).join(". ");
  }

  /** Draw what the story says now. */
  draw() {
    const { screen } = this.#visit.story;
    const content = JSON.stringify(this.#content(screen));
    if (content === this.#drawn) return;
    const moved = screen !== this.#screen;
    const focused = this.#card.contains(document.activeElement) ? document.activeElement.id : "";
    this.#drawn = content;
    this.#screen = screen;
    this.#card.dataset.screen = screen;
    this.#card.removeAttribute("aria-busy");
    this.#card.replaceChildren(...this.#build(screen).filter(Boolean));
    this.#focus(moved, focused);
  }

  /**
   * Bring a question that has just come into sight: with its buttons, or where it is too tall from its title on.
   * @param {?HTMLElement} writing where the customer is writing: then that stays in sight instead
   */
  show(writing) {
    const shown = writing ?? (this.#asks ? this.#card : null);
    shown?.scrollIntoView({ block: "nearest" });
    this.#asks = false;
  }

  /** All that the card is made of: it is built anew only when one of these is another. */
  #content(screen) {
    const { story, report, entry, company } = this.#visit;
    const { session } = story;
    const form = FORMS.has(screen);
    return [
      screen, this.#language.current, this.#names(), story.hint?.key, story.hint?.times, story.source, story.paused, story.over?.why, company,
      // Only the forms show every check; elsewhere a late one must not rebuild the card under somebody's finger.
      form ? JSON.stringify(report) : [report.screen, report.network === "no"].join(),
      story.link === "lost", this.#noteKey(), story.survey, entry && [entry.name, entry.opensAt, entry.state],
      session && [session.waitingFor, session.place, session.transfer, session.news, session.primaryName, session.helpers],
      session?.myCamera("asked")?.id,
    ];
  }

  #focus(moved, focused) {
    const kept = focused && document.getElementById(focused);
    const typing = document.activeElement?.id === "text";
    if (moved) this.#asks = this.#screen.endsWith("asked");
    if (!moved && kept) kept.focus();
    // A new screen is read from its title on, but nobody is torn out of writing a message; the title is live then.
    else if (moved && !typing) this.#begin();
    else if (moved) this.#say(this.heading);
    // The place in line, and whether it moves on, is read out when it changes; the screen stays the same.
    const line = this.#screen === "queued" || this.#screen === "passed_on" ? this.#standing : "";
    if (!moved && line !== this.#line && line) document.getElementById("announce").textContent = line;
    this.#line = line;
  }

  /** With its title in sight, but where only the messages are in sight somebody reads them. */
  #begin() {
    this.#first().focus({ preventScroll: true });
    const strip = parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop);
    if (this.#card.getBoundingClientRect().bottom > strip) this.#card.querySelector("h1")?.scrollIntoView({ block: "nearest" });
  }

  /** Where a new screen begins: with its title, but a form with its first field, where no keyboard covers half of it. */
  #first() {
    const field = FORMS.has(this.#screen) && matchMedia("(pointer: fine)").matches && this.#card.querySelector("form input");
    return field || this.#card.querySelector("h1");
  }

  /** What would be missed because the focus stays where it is. Whoever has begun a message keeps it in sight. */
  #say(text) {
    document.getElementById("announce").textContent = text;
    if (!document.activeElement.value) this.#card.scrollIntoView({ block: "nearest" });
    else if (this.#screen.endsWith("asked")) this.#tell(text);
  }

  #t(key, places) {
    return this.#language.t(key, places);
  }

  #names() {
    const { session } = this.#visit.story;
    const names = session ? session.audience(session.asked ?? session.running) : [];
    return names.length ? this.#language.list(names) : this.#make.repName;
  }

  #noteKey() {
    const { session, link } = this.#visit.story;
    if (!session) return "";
    if (link === "lost") return "offline";
    return this.#visit.story.lostStep(this.#visit.now(), this.#visit.limits)?.step ?? "";
  }

  #build(screen) {
    const { story } = this.#visit;
    const name = this.#make.repName;
    switch (screen) {
      case "starting":
        return this.#make.page(story.link === "lost" ? "start.down_title" : "start.title", story.link === "lost" ? "start.down_text" : "start.text");
      case "join":
        return this.#forms.join();
      case "enter":
        return this.#forms.enter();
      case "closed":
        return this.#forms.closed();
      case "no_queue":
        return this.#forms.unknown();
      case "joining":
        return this.#make.page("joining.title", "joining.text");
      case "let_in":
        return this.#letIn(name);
      case "queued":
      case "passed_on":
        return this.#inLine(screen === "queued");
      case "waiting":
        return this.#waiting(name);
      case "watching":
        return this.#watching(name);
      case "asked":
        return this.#asked(name);
      case "record_asked":
        return this.#visit.recording.question(this.#make);
      case "camera_asked":
        return this.#cameraAsked(name);
      case "picking":
        return this.#make.page("picking.title", "picking.text");
      case "sharing":
        return this.#sharing();
      case "again":
        return [
          ...this.#make.page("again.title", "again.text", { names: this.#names() }),
          this.#make.buttons(
            this.#make.button("again.yes", "main", () => this.#visit.sharing.show(this.#t("again.text", { names: this.#names() }))),
            this.#make.button("again.no", "quiet", () => this.#visit.sharing.forgetShare()),
          ),
          this.#make.hint(),
        ];
      default:
        return this.#after.over();
    }
  }

  #waiting(name) {
    const lost = this.#noteKey();
    const canShow = this.#visit.report.screen === "yes";
    if (lost === "offline") return this.#make.page("waiting.offline_title", "waiting.offline_text"); // nothing can be begun now
    if (lost) return this.#lost(name);
    const page = this.#welcome(name, "waiting.title", "waiting.text", "waiting.new_text");
    if (!canShow) return [...page, this.#cannot(), this.#make.note("cannot.chat")];
    return [
      ...page,
      this.#blocked(),
      this.#make.buttons(this.#make.button("waiting.show", "quiet", () => this.#visit.sharing.show(this.#t("waiting.show")))),
      this.#make.hint(),
    ];
  }

  /** Who is there now; told anew when somebody else has taken over (B-9.2, B-10.4, B-12.6). */
  #welcome(name, title, text, newText) {
    const { news, me, primaryName } = this.#visit.story.session;
    if (["control", "taken_over", "accepted"].includes(news?.kind)) {
      return [
        h("h1", { tabIndex: -1, id: "title", textContent: this.#t("waiting.new_title", { name }) }),
        news.kind !== "accepted" && h("p", { className: "lead", id: "news", textContent: this.#said(news) }),
        h("p", { textContent: this.#t(newText, { name }) }),
      ];
    }
    const mine = news?.kind === "customer" && me?.role === "primary";
    return this.#make.page(mine ? "waiting.selected_title" : title, text, { name, primary: primaryName || this.#t("watching.somebody") });
  }

  #said(mark) {
    const { key, places } = markWords(mark);
    return this.#t(key, { ...places, name: places.name || this.#t("rep.somebody"), former: places.former || this.#t("rep.somebody") });
  }

  /** The rep is lost: what happens now, and what happens next (B-12.6). */
  #lost(name) {
    const visit = this.#visit;
    const { step, ends } = visit.story.lostStep(visit.now(), visit.limits);
    const helpers = this.#language.list(visit.story.session.helpers);
    const time = this.#language.time(visit.here(ends));
    return [
      ...this.#make.page("waiting.lost_title", `lost.${step}`, { name, helpers, time }),
      this.#make.note("lost.stay"),
    ];
  }

  /** Nobody is in charge: where the session is on its way to, and the place in line (B-10.3, B-11.2). */
  #inLine(queued) {
    const { session, link } = this.#visit.story;
    const { place, transfer } = session;
    const queue = transfer?.queue_name ?? "";
    const former = transfer?.former ?? "";
    const first = place?.place === 1;
    const title = queued && place?.place ? (first ? "queue.next" : "queue.place") : former ? "queue.passed_title" : "queue.title";
    const closed = place?.is_open === false;
    const nobody = place?.is_staffed === false;
    // "The next free representative" is only promised where there is one.
    const lead = former ? (queue ? "queue.passed_queue" : "queue.passed_agents") : closed || nobody ? "queue.stay" : "queue.text";
    return [
      h("h1", { tabIndex: -1, id: "title", textContent: this.#t(title, { place: place?.place ?? 0, queue }) }),
      h("p", { className: "lead", id: "line-lead", textContent: this.#t(lead, { former, queue: queue || this.#make.company }) }),
      link === "lost" && this.#make.note("waiting.offline_text"),
      queued && !nobody && this.#wait(place),
      nobody && !closed && h("p", { className: "note warning-note", id: "nobody", textContent: this.#t("queue.nobody") }),
      closed && h("p", { className: "note warning-note", id: "opens", textContent: `${this.#t("queue.closed")} ${this.#language.opening(place.opens_at)}` }),
      this.#make.note("queue.write"),
    ];
  }

  /** How long it will take stands out only where it is known. */
  #wait(place) {
    const words = waitWords(this.#language, place);
    return words && h("p", { className: Number.isFinite(place?.wait_s) ? "wait" : "note", id: "wait", textContent: words });
  }

  #letIn(name) {
    const { session } = this.#visit.story;
    return this.#make.page("let_in.title", session.waitingFor === "limit" ? "let_in.limit" : "let_in.text", { name });
  }

  #watching(name) {
    if (this.#noteKey() === "offline") return this.#make.page("waiting.offline_title", "waiting.offline_text");
    return this.#noteKey() ? this.#lost(name) : this.#welcome(name, "watching.title", "watching.text", "watching.new_text");
  }

  #cannot() {
    const { report } = this.#visit;
    const why = inWords(report).find(({ part }) => part === "screen").key;
    return h("p", { className: "note warning-note", textContent: this.#t(why) });
  }

  /** What to know before showing when nothing got through for a while; it may yet. */
  #blocked() {
    return this.#visit.report.network === "no" && h("p", { className: "note warning-note", textContent: this.#t("check.network_no") });
  }

  #asked(name) {
    const who = this.#t("asked.who", { names: this.#names() });
    const words = [this.#t("asked.title", { name }), who, this.#t("asked.text"), this.#t("safe.text")];
    const page = [
      h("h1", { tabIndex: -1, id: "title", textContent: words[0] }),
      h("p", { className: "lead", id: "asked-who", textContent: words[1] }),
    ];
    if (this.#visit.report.screen !== "yes") {
      return [...page, this.#cannot(), this.#make.buttons(this.#make.button("asked.cannot", "main", () => this.#visit.sharing.refuse(words.join("\n"))))];
    }
    return [
      ...page,
      h("p", { textContent: words[2] }),
      this.#blocked(),
      this.#make.buttons(
        this.#make.button("asked.allow", "main", () => this.#visit.sharing.show(words.join("\n"))),
        this.#make.button("asked.not_now", "quiet", () => this.#visit.sharing.refuse(words.join("\n"))),
      ),
      this.#make.safe(),
      this.#make.hint(),
    ];
  }

  #cameraAsked(name) {
    const { story, video } = this.#visit;
    const names = this.#language.list(story.session.audience(story.session.myCamera("asked")));
    const words = [this.#t("camera.asked_title", { name }), this.#t("asked.who", { names }), this.#t("camera.asked_text"), this.#t("safe.text")];
    const said = words.join("\n");
    return [
      h("h1", { tabIndex: -1, id: "title", textContent: words[0] }),
      h("p", { className: "lead", id: "asked-who", textContent: words[1] }),
      h("p", { textContent: words[2] }),
      this.#make.buttons(
        this.#make.button("camera.allow", "main", () => void video.show(said)),
        this.#make.button("camera.not_now", "quiet", () => void video.refuse(said)),
      ),
      this.#make.safe(),
    ];
  }

  #sharing() {
    const { story } = this.#visit;
    const names = this.#names();
    return [
      ...(story.paused
        ? this.#make.page("paused.title", "paused.text", { names })
        : this.#make.page("sharing.title", "sharing.text", { names })),
      // Firefox does not tell what was chosen.
      ...(SOURCES[story.source] ? [h("p", { className: "note", textContent: this.#t("sharing.what", { source: this.#t(SOURCES[story.source]) }) })] : []),
      this.#make.buttons(
        this.#make.button(story.paused ? "sharing.go_on" : "sharing.pause", story.paused ? "main" : "quiet", () => this.#visit.sharing.pause(!story.paused), "pause"),
        this.#make.button("sharing.change", "quiet", () => this.#visit.sharing.change()),
      ),
    ];
  }
}
