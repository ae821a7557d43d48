/** The customer's summary of a session as one small HTML file: who, when, what was written, shared and agreed. */

import { markWords } from "./session.js";

const STYLE =
  "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#1b1f27;background:#fff}" +
  "h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}time,.by{color:#5a6271}p{margin:.4rem 0}" +
  "blockquote{margin:.2rem 0 .8rem;padding-left:.8rem;border-left:3px solid #d8dce3;white-space:pre-wrap}" +
  ".said{white-space:pre-wrap;overflow-wrap:anywhere}.between{color:#5a6271;text-align:center}";

const REPS = new Set(["controller", "assistant"]);
const SIGNS = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** @param {string} text @returns {string} text that can stand in HTML and is nothing but text there */
export function escaped(text) {
  return String(text).replace(/[&<>"']/g, (sign) => SIGNS[sign]);
}

/**
 * A sentence of a note or a mark; lists of names are put into words.
 * @param {import("./language.js").Language} language
 * @param {{key: string, places?: object}} said
 * @returns {string}
 */
export function inSentence(language, { key, places = {} }) {
  const somebody = language.t("rep.somebody");
  const filled = Object.entries(places).map(([name, value]) => {
    if (Array.isArray(value)) return [name, value.length ? language.list(value) : somebody];
    return [name, value || (name === "queue" ? "" : somebody)];
  });
  return language.t(key, Object.fromEntries(filled));
}

/**
 * Transcript, notes and marks in the relay's order, never by clocks: this computer's may be wrong.
 * @param {import("./session.js").Session} session
 * @param {import("./notes.js").Note[]} notes
 * @returns {Array<{key: string, place: number, at: number, line?: object, note?: object, mark?: object}>}
 */
export function inOrder(session, notes) {
  return [
    ...session.lines.map((line) => ({ key: line.id, place: line.seq, at: line.at, line })),
    ...[...session.marks.values()].map((mark) => ({ key: `mark ${mark.seq}`, place: mark.seq, at: mark.at, mark })),
    ...notes.map((note) => ({ key: note.id, place: note.after + 0.5, at: note.at, note })),
  ].sort((a, b) => a.place - b.place);
}

/**
 * Everybody who took part, each once: a rep who went and came back is another participant of the same name.
 * @param {import("./session.js").Session} session
 * @returns {Array<{name: string, isYou: boolean, roles: Set<string>}>}
 */
function tookPart(session) {
  const people = new Map();
  for (const [id, { name, roles }] of session.met) {
    const real = [...roles].filter((role) => role !== "waiting");
    if (!real.length) continue;
    const key = real.some((role) => REPS.has(role)) ? `rep ${name}` : id;
    const one = people.get(key) ?? { name, isYou: id === session.you, roles: new Set() };
    for (const role of real) one.roles.add(role);
    people.set(key, one);
  }
  return [...people.values()];
}

/**
 * The file to save.
 * @param {{session: import("./session.js").Session, over: {why: string, name: string, at: number}, notes: import("./notes.js").Note[], company: string,
 *   language: import("./language.js").Language}} of
 * @returns {{name: string, html: string}}
 */
export function summaryOf({ session, over, notes, company, language }) {
  const t = (key, places) => escaped(language.t(key, places));
  const number = session.number.replace(/(\d{3})(?=\d)/g, "$1 ");
  const began = session.me?.joined_at || session.startedAt;
  const people = tookPart(session).map(({ name, isYou, roles }) => {
    const words = [...roles].map((role) => language.t(`role.${role}_then`));
    const you = isYou ? ` (${language.t("chat.you")})` : "";
    return `<li><bdi>${escaped(name)}</bdi>${escaped(you)}: ${escaped(language.list(words))}</li>`;
  });
  const how = `over.${over.why}.then`;
  const ended = language.has(how) ? `<br>${t(how, { name: over.name || language.t("rep.somebody") })}` : "";
  const form = session.wrote ? `<h2>${t("summary.form")}</h2><blockquote dir="auto">${escaped(session.wrote)}</blockquote>` : "";
  const agreed = notes
    .filter((note) => note.lasting)
    .map((note) => {
      const words = note.words ? `<p>${t("summary.you_read")}</p><blockquote dir="auto">${escaped(note.words)}</blockquote>` : "";
      return `<li><time>${escaped(language.time(note.at))}</time> ${escaped(inSentence(language, note))}${words}</li>`;
    });
  const entries = inOrder(session, notes).map(({ at, line, note, mark }) => {
    const time = `<time>${escaped(language.time(at))}</time>`;
    if (!line) return `<p class="between">${time} ${escaped(inSentence(language, note ?? markWords(mark)))}</p>`;
    const who = line.sender === session.you ? language.t("chat.you") : line.sender_name || language.t("rep.somebody");
    return `<p class="by">${time} <bdi>${escaped(who)}</bdi></p><p class="said" dir="auto">${escaped(line.text)}</p>`;
  });
  const title = t("summary.title");
  const html =
    `<!doctype html><html lang="${escaped(language.current)}"><head><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title><style>${STYLE}</style></head><body>` +
    `<h1>${title}</h1><p>${escaped(company)}</p>` +
    `<p>${t("summary.number", { number })}<br>${t("summary.when", { from: language.moment(began), to: language.moment(over.at) })}${ended}</p>` +
    `<h2>${t("summary.who")}</h2><ul>${people.join("")}</ul>${form}` +
    `<h2>${t("summary.agreed")}</h2>${agreed.length ? `<ul>${agreed.join("")}</ul>` : `<p>${t("summary.nothing_shared")}</p>`}` +
    `<h2>${t("chat.title")}</h2>${entries.join("") || `<p>${t("chat.empty")}</p>`}</body></html>`;
  const day = new Date(over.at).toISOString().slice(0, 10);
  return { name: `support-${session.number}-${day}.html`, html };
}
