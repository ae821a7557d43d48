/** The primary customer's tools on what the rep shows: by mouse, pen, finger or keys (B-7.3). */

import { WHOLE } from "./draw.js";
import { h } from "./elements.js";

const TOOLS = ["pointer", "pen"];
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** A row of buttons under the picture, and the hand on it. */
export class DrawTools {
  #row;
  #canvas;
  #sketch;
  #drawing;
  #drawn = "";
  #spot = [WHOLE / 2, WHOLE / 2].map(Math.round);

  /**
   * @param {HTMLElement} row
   * @param {HTMLCanvasElement} canvas
   * @param {import("./sketch.js").Sketch} sketch
   * @param {import("./drawing.js").Drawing} drawing
   */
  constructor(row, canvas, sketch, drawing) {
    this.#row = row;
    this.#canvas = canvas;
    this.#sketch = sketch;
    this.#drawing = drawing;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", () => drawing.pencil.up());
    canvas.addEventListener("pointercancel", () => drawing.pencil.up());
    canvas.addEventListener("pointerleave", () => drawing.pencil.isDown || drawing.pencil.away());
    canvas.addEventListener("keydown", (event) => this.#key(event));
    row.addEventListener("keydown", (event) => event.key === "Escape" && this.#key(event));
  }

  /**
   * @param {import("./language.js").Language} language
   * @param {boolean} may whether there is something that this customer may draw on
   */
  draw(language, may) {
    const { mine, pencil } = this.#drawing;
    this.#row.hidden = !may;
    const active = may && mine !== null;
    this.#canvas.classList.toggle("drawing", active);
    this.#canvas.tabIndex = active ? 0 : -1;
    this.#canvas.setAttribute("role", active ? "application" : "img");
    this.#canvas.setAttribute("aria-label", language.t(active ? "draw.keys" : "draw.over"));
    const drawn = [may, mine !== null, pencil.tool, language.current].join();
    if (!may || drawn === this.#drawn) return;
    this.#drawn = drawn;
    const focused = document.activeElement?.id;
    this.#row.setAttribute("aria-label", language.t("draw.tools"));
    this.#row.replaceChildren(...(active ? this.#buttons(language) : [this.#button(language, "begin", () => this.#begin())]));
    if (focused?.startsWith("draw-")) (document.getElementById(focused) ?? this.#canvas).focus();
  }

  #buttons(language) {
    const { pencil } = this.#drawing;
    return [
      ...TOOLS.map((tool) => {
        const button = this.#button(language, tool, () => this.#choose(tool, language));
        button.setAttribute("aria-pressed", String(pencil.tool === tool));
        return button;
      }),
      this.#button(language, "undo", () => this.#drawing.undo()),
      this.#button(language, "clear", () => pencil.clear()),
      this.#button(language, "done", () => void this.#drawing.end()),
    ];
  }

  #button(language, name, onclick) {
    return h("button", { type: "button", id: `draw-${name}`, className: "quiet", textContent: language.t(`draw.${name}`), onclick });
  }

  async #begin() {
    await this.#drawing.begin().catch((error) => console.warn("not begun", error.code));
  }

  #choose(tool, language) {
    this.#drawing.pencil.away();
    this.#drawing.pencil.tool = tool;
    this.draw(language, true);
  }

  #down(event) {
    if (event.button !== 0 || !this.#drawing.mine) return;
    event.preventDefault();
    this.#canvas.focus({ preventScroll: true });
    this.#canvas.setPointerCapture(event.pointerId);
    this.#drawing.pencil.down(this.#sketch.at(event));
  }

  #move(event) {
    if (!this.#drawing.mine) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) this.#drawing.pencil.move(this.#sketch.at(one));
  }

  #key(event) {
    const { pencil, mine } = this.#drawing;
    if (!mine) return;
    const step = STEPS[event.key];
    if (event.key === "Escape") {
      void this.#drawing.end();
    } else if (step) {
      const far = (event.shiftKey ? 0.05 : 0.01) * WHOLE;
      this.#spot = this.#spot.map((at, axis) => Math.round(Math.min(Math.max(at + step[axis] * far, 0), WHOLE)));
      pencil.move(this.#spot);
    } else if (event.key === " " || event.key === "Enter") {
      if (pencil.isDown) pencil.up();
      else pencil.down(this.#spot);
    } else if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey)) {
      this.#drawing.undo();
    } else {
      return;
    }
    event.preventDefault();
  }
}
