/** The customer's own screen as others see it, with what they draw on it; it is there while somebody does (B-7.3). */

import { Sketch } from "./sketch.js";

/** Draws that part of the page. */
export class Preview {
  #part;
  #visit;
  #sketch;
  #drawer = "";

  /**
   * @param {Object<string, HTMLElement>} part the page's elements by their ids
   * @param {import("./visit.js").Visit} visit
   * @param {() => void} redraw
   */
  constructor(part, visit, redraw) {
    this.#part = part;
    this.#visit = visit;
    this.#sketch = new Sketch(part["preview-video"], part["preview-canvas"]);
    part["preview-size"].addEventListener("click", () => {
      part.preview.classList.toggle("large");
      redraw();
    });
    part["preview-stop"].addEventListener("click", () => void visit.drawing.end(this.#drawer));
  }

  /** @param {import("./language.js").Language} language */
  draw(language) {
    const { story, drawing, sharing } = this.#visit;
    const drawers = story.phase === "inside" && story.share === "running" ? drawing.drawers : new Map();
    drawers.delete(story.session?.you);
    const part = this.#part;
    part.preview.hidden = drawers.size === 0;
    this.#play(drawers.size ? sharing.track : null);
    if (!drawers.size) {
      part.preview.classList.remove("large");
      this.#set(part["preview-words"], "");
      this.#sketch.show(null, drawers);
      return;
    }
    this.#drawer = [...drawers.keys()][0];
    const words = language.t("draw.points", { name: language.list([...drawers.values()]) });
    this.#set(part["preview-words"], words);
    this.#set(part["preview-size"], language.t(part.preview.classList.contains("large") ? "draw.smaller" : "draw.larger"));
    this.#set(part["preview-stop"], language.t("draw.stop"));
    part["preview-video"].setAttribute("aria-label", language.t("draw.preview"));
    part["preview-canvas"].setAttribute("aria-label", words);
    this.#sketch.show(drawing.board, drawers);
  }

  /** Only what is drawn is another. */
  sketch() {
    if (!this.#part.preview.hidden) this.#sketch.show(this.#visit.drawing.board, this.#visit.drawing.drawers);
  }

  #set(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  #play(track) {
    const video = this.#part["preview-video"];
    if ((video.srcObject?.getVideoTracks()[0] ?? null) === track) return;
    video.srcObject = track ? new MediaStream([track]) : null;
    if (track) void video.play().catch((error) => console.warn("no preview", error.name));
  }
}
