/** What is drawn over a share, as data (B-7.3): a bounded board, and a pencil that turns a hand into messages. */

/** A place on the picture is counted in 65535ths of its width or height. */
export const WHOLE = 65_535;
const TOOLS = ["pen", "arrow", "box"];
/** A pen that rests tells nothing; one that moves, this often. */
const EVERY_MS = 34;

const isSpot = (value) => Number.isInteger(value) && value >= 0 && value <= WHOLE;

/** Everybody's strokes and pointers. What comes over the wire is checked here; what does not fit is dropped. */
export class Board {
  #limits;
  /** @type {{by: string, number: number, tool: string, colour: number, points: number[][], at: number}[]} the oldest first; `at` by `performance.now()` */
  strokes = [];
  /** @type {Map<string, {x: number, y: number, colour: number}>} by their drawer's id */
  pointers = new Map();

  /** @param {object} limits the protocol's */
  constructor(limits) {
    this.#limits = limits;
  }

  /**
   * @param {?string} by the drawer's id; nobody: the hub, which may clear everything
   * @param {object} message as it came
   * @returns {boolean} whether anything looks different now
   */
  take(by, message) {
    if (message.type === "clear") return this.#clear(by, message.number ?? null);
    if (typeof by !== "string" || !by) return false;
    const colour = Number.isInteger(message.colour) ? Math.min(Math.max(message.colour, 0), this.#limits.draw_colours - 1) : 0;
    if (message.type === "pointer") {
      if (message.gone) return this.pointers.delete(by);
      if (!isSpot(message.x) || !isSpot(message.y) || this.pointers.size > this.#limits.participants_per_session) return false;
      this.pointers.set(by, { x: message.x, y: message.y, colour });
      return true;
    }
    const { number, tool, points } = message;
    if (message.type !== "stroke" || !Number.isInteger(number) || !Array.isArray(points)) return false;
    const good = points.filter((one) => Array.isArray(one) && one.length === 2 && one.every(isSpot)).slice(0, this.#limits.draw_points);
    if (!good.length) return false;
    let mine = this.strokes.filter((one) => one.by === by);
    let stroke = mine.findLast((one) => one.number === number);
    if (!stroke) {
      stroke = { by, number, tool: TOOLS.includes(tool) ? tool : "pen", colour, points: [] };
      this.strokes.push(stroke);
      mine.push(stroke);
    }
    stroke.at = performance.now();
    if (stroke.tool !== "pen") stroke.points = good.slice(-2);
    else if (!this.#isTooMuch([{ points: [...stroke.points, ...good] }])) stroke.points.push(...good);
    while (mine.length > 1 && this.#isTooMuch(mine)) {
      const oldest = mine.find((one) => one !== stroke);
      mine = mine.filter((one) => one !== oldest);
      this.strokes.splice(this.strokes.indexOf(oldest), 1);
    }
    return true;
  }

  /** The hub bounds their length too. */
  #isTooMuch(strokes) {
    const { draw_strokes: most, draw_kept_points: points } = this.#limits;
    return strokes.length > most || strokes.reduce((sum, one) => sum + one.points.length, 0) > points;
  }

  #clear(by, number) {
    if (!by) {
      this.strokes = [];
      this.pointers.clear();
      return true;
    }
    const before = this.strokes.length;
    this.strokes = this.strokes.filter((one) => one.by !== by || (number !== null && one.number !== number));
    return this.strokes.length !== before;
  }

  /** @param {string} by whose strokes and pointer go @returns {boolean} whether there were any */
  forget(by) {
    const pointed = this.pointers.delete(by);
    return this.#clear(by, null) || pointed;
  }
}

/** Turns places under a hand into messages, at most thirty a second. */
export class Pencil {
  #say;
  #most;
  #number;
  #stroke = null;
  #pending = [];
  #pointer = null;
  #timer = 0;
  /** pointer, pen, arrow or box */
  tool = "pointer";

  /**
   * @param {object} limits the protocol's
   * @param {(message: object) => void} say
   * @param {number} colour
   */
  constructor(limits, say, colour) {
    this.#most = limits.draw_points;
    this.#say = say;
    this.colour = colour;
    this.#number = Date.now() % 2 ** 30; // a page that was loaded again goes on above
  }

  /** @returns {boolean} whether a stroke is being drawn */
  get isDown() {
    return this.#stroke !== null;
  }

  /** The hand is put down. @param {number[]} spot */
  down(spot) {
    if (this.tool === "pointer") {
      this.move(spot);
      return;
    }
    this.#leave();
    this.#number += 1;
    this.#stroke = { number: this.#number, tool: this.tool, start: spot };
    this.#pending = [spot];
    this.#flush();
  }

  /** The hand moves, down or not. @param {number[]} spot */
  move(spot) {
    if (this.#stroke) this.#pending.push(spot);
    else if (this.tool === "pointer") this.#pointer = spot;
    else return;
    this.#timer ||= setTimeout(() => this.#flush(), EVERY_MS);
  }

  /** The hand is lifted. */
  up() {
    this.#flush();
    this.#stroke = null;
  }

  /** The hand is somewhere else. */
  away() {
    this.up();
    this.#leave();
  }

  /** Take the last stroke back. @param {?number} number its own number, as the board has it */
  undo(number) {
    this.up();
    if (number !== null) this.#say({ type: "clear", number });
  }

  /** Take everything back. */
  clear() {
    this.up();
    this.#say({ type: "clear", number: null });
  }

  #leave() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#pointer) this.#say({ type: "pointer", x: this.#pointer[0], y: this.#pointer[1], colour: this.colour, gone: true });
    this.#pointer = null;
  }

  #flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#stroke && this.#pending.length) {
      const { number, tool, start } = this.#stroke;
      const points = tool === "pen" ? this.#pending.splice(0, this.#most) : [start, this.#pending.pop()];
      if (tool !== "pen") this.#pending = [];
      this.#say({ type: "stroke", number, tool, colour: this.colour, points });
      if (this.#pending.length) this.#timer = setTimeout(() => this.#flush(), EVERY_MS);
    } else if (this.#pointer && !this.#stroke) {
      this.#say({ type: "pointer", x: this.#pointer[0], y: this.#pointer[1], colour: this.colour, gone: false });
    }
  }
}
