/** Who is here and in which role, in words: shown as soon as there is anybody besides the rep and this customer. */

import { h } from "./elements.js";

/** Draws the list; it is built anew only when it says something else. */
export class People {
  #part;
  #drawn = "";

  /** @param {HTMLElement} part */
  constructor(part) {
    this.#part = part;
  }

  /**
   * @param {import("./story.js").Story} story
   * @param {import("./language.js").Language} language
   */
  draw(story, language) {
    const { session } = story;
    const known = story.phase === "inside" && session && session.me?.role !== "waiting" ? session.everybody : [];
    const people = known.filter((one) => one.role !== "waiting");
    this.#part.hidden = people.length < 3;
    if (this.#part.hidden) return;
    const lines = people.map((one) => ({ ...one, words: this.#words(one, session, language) }));
    const drawn = JSON.stringify([language.current, lines.map(({ name, words, connection, role }) => [name, words, connection, role])]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#part.replaceChildren(
      h("h2", { id: "people-title", textContent: language.t("people.title") }),
      h(
        "ul",
        { "aria-labelledby": "people-title" },
        ...lines.map(({ id, name, role, connection, words }) =>
          h(
            "li",
            { className: connection === "online" ? "positive" : "warning", "data-role": role },
            h("span", { className: "dot", "aria-hidden": "true" }),
            h("bdi", { className: "person", textContent: id === session.you ? `${name} (${language.t("chat.you")})` : name }),
            h("span", { className: "role", textContent: words }),
          ),
        ),
      ),
    );
  }

  #words({ id, role, connection }, session, language) {
    const words = [language.t(`role.${role}`)];
    if (session.isShowing(id)) words.push(language.t("people.shows"));
    if (connection !== "online") words.push(language.t(`people.${connection}`));
    return words.join(", ");
  }
}
