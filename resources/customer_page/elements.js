/** What the card's screens are made of: elements built with textContent only, never from markup. */

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

/** What the relay refuses because of one field. */
const REFUSED = { "error.wrong_number": "number" };

/** Titles, buttons, fields and hints in the customer's language. */
export class Elements {
  /** What was typed into forms, which outlives a change of language. */
  #typed = new Map();

  /**
   * @param {import("./visit.js").Visit} visit
   * @param {import("./language.js").Language} language
   */
  constructor(visit, language) {
    this.visit = visit;
    this.language = language;
    for (const [name, value] of Object.entries(visit.coming.again)) this.keep(name, value);
  }

  /** @param {string} key @param {object} [places] @returns {string} */
  t(key, places) {
    return this.language.t(key, places);
  }

  /** @returns {string} the name of the rep in charge, or words for him */
  get repName() {
    return this.visit.story.session?.repName || this.t("rep.somebody");
  }

  /** @returns {string} */
  get company() {
    return this.visit.company || this.t("company.unknown");
  }

  /** A title and what follows from it. */
  page(title, text, places = {}) {
    return [
      h("h1", { tabIndex: -1, id: "title", textContent: this.t(title, places) }),
      h("p", { className: "lead", textContent: this.t(text, places) }),
    ];
  }

  note(key, places, id) {
    return h("p", { className: "note", id, textContent: this.t(key, places) });
  }

  button(key, kind, onclick, id = key.replace(".", "-")) {
    return h("button", { type: "button", id, className: kind, textContent: this.t(key), onclick });
  }

  buttons(...buttons) {
    return h("div", { className: "buttons" }, ...buttons);
  }

  /** A line whose room is kept, so that nothing moves when it comes. */
  hint() {
    const { hint } = this.visit.story;
    return h("p", { className: "hint", role: "alert", id: "hint", textContent: hint && !hint.mended ? this.t(hint.key, hint.places) : "" });
  }

  /** Against those who call and pretend to help: said before anything is agreed to. */
  safe() {
    return h("p", { className: "safe", textContent: this.t("safe.text") });
  }

  /** @param {string} name @returns {string} what was typed into that field */
  typed(name) {
    return this.#typed.get(name) ?? "";
  }

  /** Keep what was typed or chosen; what was wrong with it is not said any longer, and its room stays, so that nothing moves. */
  keep(name, value) {
    this.#typed.set(name, value);
    const { story } = this.visit;
    if (this.#wrong !== name || story.hint.mended) return;
    story.hint = { ...story.hint, mended: true };
    document.getElementById("hint").textContent = "";
    document.getElementById(`field-${name}`)?.removeAttribute("aria-invalid");
  }

  /** Say what is wrong with a field; also when the same was said before, and the field mended since. */
  refuse(name) {
    const { story } = this.visit;
    story.hint = { key: `hint.${name}`, times: (story.hint?.times ?? 0) + 1 };
  }

  /** @returns {string} the field that the hint is about, empty if it is about none */
  get #wrong() {
    const key = this.visit.story.hint?.key ?? "";
    return REFUSED[key] ?? (key.startsWith("hint.") ? key.slice("hint.".length) : "");
  }

  /**
   * A labelled field; what is wrong with it stands right under it.
   * @param {string} name
   * @param {string} label key of its words
   * @param {object} props
   * @param {string} [tag]
   */
  field(name, label, props, tag = "input") {
    const id = `field-${name}`;
    const wrong = this.#wrong === name;
    const input = h(tag, { id, ...props, value: this.typed(name), "aria-describedby": "hint", "aria-invalid": wrong && !this.visit.story.hint.mended && "true" });
    input.addEventListener("input", () => this.keep(name, input.value));
    return [h("label", { htmlFor: id, textContent: this.t(label) }), input, ...(wrong ? [this.hint()] : [])];
  }
}
