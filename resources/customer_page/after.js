/** The screens after the end: why it is over, the survey, and the summary to save (B-12.7). */

import { h } from "./elements.js";
import { summaryOf } from "./summary.js";

const RATINGS = [1, 2, 3, 4, 5];

/** Builds what is shown when a visit is over. */
export class After {
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

  /** @returns {Node[]} */
  over() {
    const make = this.#make;
    const { over, session, survey } = make.visit.story;
    const why = make.language.has(`over.${over.why}.title`) ? over.why : "ended_by_rep";
    const again = () => location.reload();
    // Nobody need invite whoever came by a queue's form: it stands at this very address.
    const byForm = Boolean(make.visit.entry) && make.language.has(`over.${why}.by_form`);
    const actions = {
      left: ["over.join_again", "quiet", again],
      replaced: ["over.use_here", "main", () => (make.visit.coming.takeBack(), again())],
      taken: ["over.try_again", "main", again],
      locked: ["over.try_again", "main", again],
      version: ["over.reload", "main", again],
      wrong_link: ["over.by_number", "main", () => location.assign("/join")],
    };
    const hasSummary = session && over.why !== "replaced" && over.why !== "turned_away" && session.me?.role !== "waiting";
    return [
      ...make.page(`over.${why}.title`, `over.${why}.${byForm ? "by_form" : "text"}`, { name: over.name || make.t("rep.somebody") }),
      make.note("over.nobody_sees"),
      survey === "none" ? null : survey === "sent" ? this.#thanks() : this.#survey(survey),
      make.buttons(
        byForm && make.button("over.ask_again", "main", again),
        !byForm && actions[why] && make.button(...actions[why]),
        hasSummary && make.button("summary.save", "quiet", () => this.#save()),
      ),
    ];
  }

  #thanks() {
    return h("p", { className: "thanks", role: "status", id: "thanks", textContent: this.#make.t("survey.thanks") });
  }

  #survey(state) {
    const make = this.#make;
    const chosen = make.typed("rating");
    const radios = RATINGS.map((value) =>
      h(
        "label",
        {},
        h("input", {
          type: "radio", name: "rating", id: `rating-${value}`, value: String(value), checked: chosen === String(value),
          onchange: () => make.keep("rating", String(value)),
        }),
        h("span", {}, h("b", { textContent: String(value) }), " ", make.t(`survey.rating_${value}`)),
      ),
    );
    const comment = make.field("comment", "survey.comment", { rows: 2, maxLength: make.visit.limits.problem_chars }, "textarea");
    const form = h(
      "form",
      { id: "survey-form", className: "form", noValidate: true },
      h("fieldset", { className: "rating" }, h("legend", { textContent: make.t("survey.title") }), ...radios),
      ...comment,
      make.hint(),
      h("button", { type: "submit", className: "main", id: "survey-send", disabled: state === "sending", textContent: make.t("survey.send") }),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    return form;
  }

  #send() {
    const make = this.#make;
    const rating = Number(make.typed("rating"));
    if (RATINGS.includes(rating)) {
      void make.visit.survey.send(rating, make.typed("comment").normalize("NFC").trim());
      return;
    }
    make.refuse("rating");
    this.#draw();
    document.getElementById("rating-5")?.focus();
  }

  /** A file made here in the page: nobody is asked for it, and nothing of it goes anywhere. */
  #save() {
    const { visit, language } = this.#make;
    const { name, html } = summaryOf({ session: visit.story.session, over: visit.story.over, notes: visit.notes.list, company: this.#make.company, language });
    const address = URL.createObjectURL(new Blob([html], { type: "text/html;charset=utf-8" }));
    h("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }
}
