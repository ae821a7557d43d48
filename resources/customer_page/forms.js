/** The forms by which a customer comes in: link or number with a name, and a queue's entry form (B-2.3, B-11.1). */

import { inWords } from "./checks.js";
import { h } from "./elements.js";

/**
 * A typed session number without whatever people put between its digits.
 * @param {string} typed
 * @returns {string}
 */
export function digitsOf(typed) {
  return typed.replace(/[\s\u00a0.\-–]/g, "");
}

/**
 * What is wrong with a filled-in entry form.
 * @param {{name: string, email: string, problem: string}} form
 * @returns {""|"name"|"email"|"problem"} the first field to mend
 */
export function wrongField({ name, email, problem }) {
  if (!name) return "name";
  // Only what can never be an address is refused; whether it is one shows when a mail arrives.
  if (email && !/^[^\s@]+@[^\s@]+$/.test(email)) return "email";
  return problem ? "" : "problem";
}

const clean = (text) => text.normalize("NFC").trim();

/** Builds the forms and what stands in their place while a queue is closed or unknown. */
export class Forms {
  #make;
  #draw;

  /**
   * @param {import("./elements.js").Elements} make
   * @param {() => void} draw shows a hint that has just come up
   */
  constructor(make, draw) {
    this.#make = make;
    this.#draw = draw;
  }

  #checks() {
    const lines = inWords(this.#make.visit.report).map(({ part, tone, key }) =>
      h("li", { className: `check ${tone}`, "data-part": part }, h("span", { className: "dot", "aria-hidden": "true" }), this.#make.t(key)),
    );
    return h("div", { className: "checks" }, h("h2", { textContent: this.#make.t("check.title") }), h("ul", {}, ...lines));
  }

  #form(id, send, onsubmit, ...fields) {
    const make = this.#make;
    const form = h(
      "form",
      { id, className: "form", noValidate: true },
      ...fields,
      fields.some(({ id: one }) => one === "hint") ? null : make.hint(),
      h("button", { type: "submit", className: "main", id: send.replace(".", "-"), textContent: make.t(send) }),
      make.safe(),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      onsubmit();
    });
    return form;
  }

  #wrong(name) {
    this.#make.refuse(name);
    this.#draw();
    document.getElementById(`field-${name}`)?.focus();
  }

  /** By link or by number. */
  join() {
    const make = this.#make;
    const byNumber = !make.visit.linkToken;
    const title = byNumber ? "join.title_number" : "join.title";
    const form = this.#form(
      "join-form",
      "join.send",
      () => this.#sendJoin(byNumber),
      ...(byNumber ? make.field("number", "join.number", { type: "text", inputMode: "numeric", autocomplete: "off", maxLength: 20 }) : []),
      ...make.field("name", "join.name", { type: "text", autocomplete: "name", maxLength: 60 }),
    );
    return [...make.page(title, byNumber ? "join.text_number" : "join.text", { company: make.company }), form, this.#checks()];
  }

  #sendJoin(byNumber) {
    const name = clean(this.#make.typed("name"));
    const number = byNumber ? digitsOf(this.#make.typed("number")) : "";
    if (byNumber && !/^[0-9]{9}$/.test(number)) this.#wrong("number");
    else if (!name) this.#wrong("name");
    else void this.#make.visit.coming.join(name, number);
  }

  /** A queue's entry form. */
  enter() {
    const make = this.#make;
    const { limits, entry } = make.visit;
    const form = this.#form(
      "enter-form",
      "enter.send",
      () => this.#sendEnter(),
      ...make.field("name", "join.name", { type: "text", autocomplete: "name", maxLength: limits.name_chars }),
      ...make.field("email", "enter.email", { type: "email", autocomplete: "email", maxLength: limits.email_chars }),
      ...make.field("problem", "enter.problem", { rows: 3, maxLength: limits.problem_chars }, "textarea"),
    );
    return [...make.page("enter.title", "enter.text", { queue: entry.name }), form, this.#checks()];
  }

  #sendEnter() {
    const make = this.#make;
    const form = { name: clean(make.typed("name")), email: clean(make.typed("email")), problem: clean(make.typed("problem")) };
    const wrong = wrongField(form);
    if (wrong) this.#wrong(wrong);
    else void make.visit.coming.enter(form);
  }

  /** The queue is closed: when it opens, in the visitor's own time. */
  closed() {
    const make = this.#make;
    const { entry } = make.visit;
    return [
      h("h1", { tabIndex: -1, id: "title", textContent: make.t("closed.title", { queue: entry.name }) }),
      h("p", { className: "lead", id: "opens", textContent: make.language.opening(entry.opensAt) }),
      make.note("closed.text"),
      make.buttons(make.button("closed.look", "quiet", () => void entry.look())),
    ];
  }

  /** There is no such queue. */
  unknown() {
    const make = this.#make;
    return [
      ...make.page("no_queue.title", "no_queue.text"),
      make.buttons(make.button("over.by_number", "main", () => location.assign("/join"))),
    ];
  }
}
