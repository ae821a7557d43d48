/** Sentences in the customer's language, switched without a reload; the same format as resources/catalog.py. */

/** Languages with a complete translation, each under its own name. */
export const LANGUAGES = { en: "English", ro: "Română" };

/**
 * The language to use for the browser's list of wishes; English where there is no better one.
 * @param {readonly string[]} wanted such as `navigator.languages`
 * @returns {string}
 */
export function bestLanguage(wanted) {
  for (const tag of wanted) {
    const head = String(tag).split(/[-_]/, 1)[0].toLowerCase();
    if (Object.hasOwn(LANGUAGES, head)) return head;
  }
  return "en";
}

/** Letters written from right to left (Hebrew, Arabic and their relatives), and the marks that turn the direction. */
const LEFTWARD = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/**
 * A stranger's words as part of our sentence: a name written from right to left must not turn what stands beside it
 * (Unicode Standard Annex 9, section 2.4: isolates).
 * @param {string|number} value
 * @returns {string}
 */
function isolated(value) {
  const text = String(value);
  return LEFTWARD.test(text) ? `\u2068${text}\u2069` : text;
}

/** One language at a time, loaded when it is first needed. */
export class Language {
  #catalogues = new Map();
  #load;
  #wanted;
  #formats = new Map();
  #chosen = "";

  /**
   * @param {(language: string) => Promise<object>} load gives the sentences of one language
   * @param {readonly string[]} [wanted] the browser's list of wishes, for the way times are written
   */
  constructor(load, wanted = []) {
    this.#load = load;
    this.#wanted = wanted;
    this.current = "en";
  }

  /**
   * Speak `language` from now on; of two wishes the later one counts, whichever is loaded first.
   * @param {string} language
   */
  async choose(language) {
    this.#chosen = language;
    if (!this.#catalogues.has(language)) this.#catalogues.set(language, await this.#load(language));
    if (this.#chosen === language) this.current = language;
  }

  /**
   * The sentence under `key` with its places filled in; plural forms are chosen by the place `count`.
   * @param {string} key
   * @param {Object<string, string|number>} [places]
   * @returns {string} the key itself where there is no such sentence: ugly, but never a crash before a customer
   */
  t(key, places = {}) {
    let found = this.#catalogues.get(this.current)?.[key];
    if (found && typeof found === "object") {
      const form = new Intl.PluralRules(this.current).select(Number(places.count ?? 0));
      found = found[form] ?? found.other;
    }
    if (typeof found !== "string") return key;
    return found.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(places, name) ? isolated(places[name]) : whole));
  }

  /** @param {string} key @returns {boolean} whether there is such a sentence */
  has(key) {
    return this.#catalogues.get(this.current)?.[key] !== undefined;
  }

  /**
   * Names in a row: "Maria, Dan and Ion".
   * @param {readonly string[]} names
   * @returns {string}
   */
  list(names) {
    return new Intl.ListFormat(this.current, { type: "conjunction" }).format(names.map(isolated));
  }

  /**
   * Hours and minutes as this person writes them: British and American English differ.
   * @param {number} at milliseconds since 1970
   * @returns {string}
   */
  time(at) {
    return this.#format("time", { timeStyle: "short" }).format(at);
  }

  /** @param {number} at @returns {string} day and time */
  moment(at) {
    return this.#format("moment", { dateStyle: "medium", timeStyle: "short" }).format(at);
  }

  /**
   * When a queue opens, in the time of this computer's place.
   * @param {?number} at milliseconds since 1970, nothing where nobody knows
   * @param {number} [now]
   * @returns {string} a sentence
   */
  opening(at, now = Date.now()) {
    if (at === null || at === undefined) return this.t("opens.unknown");
    const day = this.#format("day", { weekday: "long", day: "numeric", month: "long" });
    if (day.format(at) === day.format(now)) return this.t("opens.today", { time: this.time(at) });
    return this.t("opens.day", { day: day.format(at), time: this.time(at) });
  }

  /** Making a format takes longer than using it a hundred times, and a long chat shows thousands. */
  #format(name, options) {
    const key = `${this.current} ${name}`;
    if (!this.#formats.has(key)) {
      const own = this.#wanted.find((tag) => bestLanguage([tag]) === this.current && tag.toLowerCase().startsWith(this.current));
      this.#formats.set(key, new Intl.DateTimeFormat(own ?? this.current, options));
    }
    return this.#formats.get(key);
  }
}
