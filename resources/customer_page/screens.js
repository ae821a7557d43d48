/** The card in the middle: one thing at a time, built with textContent only, never from markup. */

import { inWords } from "./checks.js";

/**
 * An element; strings become text, never markup.
 * @param {string} tag
 * @param {Object<string, any>} [props] properties; names with a dash or `role` become attributes
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.includes("-") || name === "role") element.setAttribute(name, value === true ? "" : value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/**
 * A typed session number without whatever people put between its digits.
 * @param {string} typed
 * @returns {string}
 */
export function digitsOf(typed) {
  return typed.replace(/[\s\u00a0.\-–]/g, "");
}

/** Sources of a share that have words of their own. */
const SOURCES = { monitor: "source.monitor", window: "source.window", browser: "source.browser" };

/** Draws the card for the story's screen. It is built anew only when its content is another one. */
export class Screens {
  #card;
  #visit;
  #language;
  #drawn = "";
  #screen = "";
  /** What was typed into the form, which outlives a change of language. */
  #typed = { name: "", number: "" };

  /**
   * @param {HTMLElement} card
   * @param {import("./visit.js").Visit} visit
   * @param {import("./language.js").Language} language
   */
  constructor(card, visit, language) {
    this.#card = card;
    this.#visit = visit;
    this.#language = language;
  }

  /** @returns {string} the title of what is shown */
  get heading() {
    return this.#card.querySelector("h1")?.textContent ?? "";
  }

  /** Draw what the story says now. */
  draw() {
    const { story } = this.#visit;
    const { screen } = story;
    const parts = [screen, this.#language.current, this.#names(), story.hint?.key, story.source, story.paused, story.over?.why];
    // Only the form shows every check; elsewhere a late one must not rebuild the card under somebody's finger.
    const { report } = this.#visit;
    parts.push(screen === "join" ? JSON.stringify(report) : [report.screen, report.network === "no"].join(), this.#visit.company, story.link === "lost", this.#noteKey());
    const content = JSON.stringify(parts);
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

  #focus(moved, focused) {
    const kept = focused && document.getElementById(focused);
    const typing = document.activeElement?.id === "text";
    if (!moved && kept) kept.focus();
    // A new screen is read from its title on, but nobody is torn out of writing a message; the title is live then.
    else if (moved && !typing) this.#card.querySelector("h1")?.focus();
    else if (moved) this.#say(this.heading);
  }

  /** What a screen reader would miss because the focus stays where it is. */
  #say(text) {
    document.getElementById("announce").textContent = text;
    this.#card.scrollIntoView({ block: "nearest" });
  }

  #t(key, places) {
    return this.#language.t(key, places);
  }

  #name() {
    return this.#visit.story.session?.repName || this.#t("rep.somebody");
  }

  #names() {
    const { session } = this.#visit.story;
    const names = session ? session.audience(session.asked ?? session.running) : [];
    return names.length ? this.#language.list(names) : this.#name();
  }

  #noteKey() {
    const { session, link } = this.#visit.story;
    if (!session) return "";
    if (link === "lost") return "offline";
    const rep = session.rep;
    return rep && rep.connection !== "online" ? "rep_lost" : "";
  }

  #build(screen) {
    const { story } = this.#visit;
    const name = this.#name();
    switch (screen) {
      case "starting":
        return this.#page(story.link === "lost" ? "start.down_title" : "start.title", story.link === "lost" ? "start.down_text" : "start.text");
      case "join":
        return this.#join();
      case "joining":
        return this.#page("joining.title", "joining.text");
      case "let_in":
        return this.#page("let_in.title", "let_in.text", { name });
      case "waiting":
        return this.#waiting(name);
      case "watching":
        return this.#page("watching.title", "watching.text", { name });
      case "asked":
        return this.#asked(name);
      case "picking":
        return this.#page("picking.title", "picking.text");
      case "sharing":
        return this.#sharing();
      case "again":
        return [
          ...this.#page("again.title", "again.text", { names: this.#names() }),
          this.#buttons(
            this.#button("again.yes", "main", () => this.#visit.sharing.show(this.#t("again.text", { names: this.#names() }))),
            this.#button("again.no", "quiet", () => this.#visit.sharing.forgetShare()),
          ),
          this.#hint(),
        ];
      default:
        return this.#over();
    }
  }

  #page(title, text, places = {}) {
    return [
      h("h1", { tabIndex: -1, id: "title", textContent: this.#t(title, places) }),
      h("p", { className: "lead", textContent: this.#t(text, places) }),
    ];
  }

  #button(key, kind, onclick, id = key.replace(".", "-")) {
    return h("button", { type: "button", id, className: kind, textContent: this.#t(key), onclick });
  }

  #buttons(...buttons) {
    return h("div", { className: "buttons" }, ...buttons);
  }

  /** A line whose room is kept, so that nothing moves when it comes. */
  #hint() {
    const { hint } = this.#visit.story;
    return h("p", { className: "hint", role: "alert", id: "hint", textContent: hint ? this.#t(hint.key, hint.places) : "" });
  }

  /** Against those who call and pretend to help: said before anything is agreed to. */
  #safe() {
    return h("p", { className: "safe", textContent: this.#t("safe.text") });
  }

  #checks() {
    const lines = inWords(this.#visit.report).map(({ part, tone, key }) =>
      h("li", { className: `check ${tone}`, "data-part": part }, h("span", { className: "dot", "aria-hidden": "true" }), this.#t(key)),
    );
    return h("div", { className: "checks" }, h("h2", { textContent: this.#t("check.title") }), h("ul", {}, ...lines));
  }

  #field(key, props) {
    const id = `field-${key}`;
    const input = h("input", { id, ...props, value: this.#typed[key], "aria-describedby": "hint", "aria-invalid": this.#visit.story.hint?.key === `hint.${key}` && "true" });
    input.addEventListener("input", () => {
      this.#typed[key] = input.value;
    });
    return [h("label", { htmlFor: id, textContent: this.#t(`join.${key}`) }), input];
  }

  #join() {
    const byNumber = !this.#visit.linkToken;
    const form = h(
      "form",
      { id: "join-form", noValidate: true },
      ...(byNumber ? this.#field("number", { type: "text", inputMode: "numeric", autocomplete: "off", maxLength: 20 }) : []),
      ...this.#field("name", { type: "text", autocomplete: "name", maxLength: 60 }),
      this.#hint(),
      h("button", { type: "submit", className: "main", id: "join-send", textContent: this.#t("join.send") }),
      this.#safe(),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(byNumber);
    });
    const company = this.#visit.company || this.#t("company.unknown");
    return [...this.#page(byNumber ? "join.title_number" : "join.title", byNumber ? "join.text_number" : "join.text", { company }), form, this.#checks()];
  }

  #submit(byNumber) {
    const name = this.#typed.name.normalize("NFC").trim();
    const number = byNumber ? digitsOf(this.#typed.number) : "";
    const wrong = byNumber && !/^[0-9]{9}$/.test(number) ? "number" : name ? "" : "name";
    if (wrong) {
      this.#visit.story.hint = { key: `hint.${wrong}` };
      this.draw();
      document.getElementById(`field-${wrong}`)?.focus();
      return;
    }
    void this.#visit.join(name, number);
  }

  #waiting(name) {
    const lost = this.#noteKey();
    const canShow = this.#visit.report.screen === "yes";
    let page = this.#page("waiting.title", "waiting.text", { name });
    if (lost === "rep_lost") page = this.#page("waiting.lost_title", "waiting.lost_text", { name });
    if (lost === "offline") page = this.#page("waiting.offline_title", "waiting.offline_text");
    if (lost === "offline") return page; // nothing can be begun now
    if (!canShow) return [...page, this.#cannot(), h("p", { className: "note", textContent: this.#t("cannot.chat") })];
    return [
      ...page,
      this.#blocked(),
      this.#buttons(this.#button("waiting.show", "quiet", () => this.#visit.sharing.show(this.#t("waiting.show")))),
      this.#hint(),
    ];
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
      return [...page, this.#cannot(), this.#buttons(this.#button("asked.cannot", "main", () => this.#visit.sharing.refuse(words.join("\n"))))];
    }
    return [
      ...page,
      h("p", { textContent: words[2] }),
      this.#blocked(),
      this.#buttons(
        this.#button("asked.allow", "main", () => this.#visit.sharing.show(words.join("\n"))),
        this.#button("asked.not_now", "quiet", () => this.#visit.sharing.refuse(words.join("\n"))),
      ),
      this.#safe(),
      this.#hint(),
    ];
  }

  #sharing() {
    const { story } = this.#visit;
    const names = this.#names();
    return [
      ...(story.paused
        ? this.#page("paused.title", "paused.text", { names })
        : this.#page("sharing.title", "sharing.text", { names })),
      h("p", { className: "note", textContent: this.#t("sharing.what", { source: this.#t(SOURCES[story.source] ?? "source.unknown") }) }),
      this.#buttons(
        this.#button(story.paused ? "sharing.go_on" : "sharing.pause", story.paused ? "main" : "quiet", () => this.#visit.sharing.pause(!story.paused), "pause"),
        this.#button("sharing.change", "quiet", () => this.#visit.sharing.change()),
      ),
    ];
  }

  #over() {
    const { over } = this.#visit.story;
    const why = this.#language.has(`over.${over.why}.title`) ? over.why : "ended_by_rep";
    const places = { name: over.name || this.#t("rep.somebody") };
    const again = () => location.reload();
    const actions = {
      left: this.#button("over.join_again", "quiet", again),
      replaced: this.#button("over.use_here", "main", again),
      taken: this.#button("over.try_again", "main", again),
      locked: this.#button("over.try_again", "main", again),
      version: this.#button("over.reload", "main", again),
      wrong_link: this.#button("over.by_number", "main", () => location.assign("/join")),
    };
    return [
      ...this.#page(`over.${why}.title`, `over.${why}.text`, places),
      h("p", { className: "note", textContent: this.#t("over.nobody_sees") }),
      ...(actions[why] ? [this.#buttons(actions[why])] : []),
    ];
  }
}
