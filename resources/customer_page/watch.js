/** Somebody else's screen, the rep's or another customer's: the picture, whose it is, full size, and putting it away. */

import { DrawTools } from "./draw_tools.js";
import { Sketch } from "./sketch.js";

/** So long after it was drawn a stroke on the rep's screen has come back in the picture, also over a slow line. */
const COMES_BACK_MS = 1_000;

/**
 * Whether the picture itself bears what is drawn: on the rep's whole screen it stands for him to see, and is shown with
 * all the rest. Of a window, and of a screen that is held, only what was there without it is seen.
 * @param {{kind?: string, source?: ?string, paused?: boolean}} activity the running share
 */
export function bearsInk(activity) {
  return activity.kind === "show" && activity.source === "monitor" && !activity.paused;
}

/**
 * What is said over the picture.
 * @param {{kind?: string, paused?: boolean}} activity the running share
 * @param {string} hub state of the connection to the rep's app
 * @param {boolean} hasPicture whether anything was shown yet
 * @returns {string} a key under `watch.`
 */
export function watchWords(activity, hub, hasPicture) {
  if (hub !== "connected") return hasPicture ? "watch.lost" : "watch.coming";
  if (activity.paused) return "watch.paused";
  if (!hasPicture) return "watch.coming";
  return activity.kind === "show" ? "watch.rep" : "watch.words";
}

/** Draws the part of the page with the picture; it is there only while somebody shows something to this customer. */
export class Watch {
  #part;
  #words;
  #button;
  #video;
  #sketch;
  #tools;
  #drawing;
  #full;
  #redraw;
  #away = "";
  #shown = "";
  #bearsInk = false;
  #later = 0;

  /**
   * @param {{watch: HTMLElement, "watch-words": HTMLElement, "watch-away": HTMLButtonElement,
   *   "watch-full": HTMLButtonElement, "watch-video": HTMLVideoElement}} part
   * @param {import("./drawing.js").Drawing} drawing
   * @param {() => void} redraw
   */
  constructor(part, drawing, redraw) {
    this.#drawing = drawing;
    this.#sketch = new Sketch(part["watch-video"], part["watch-canvas"]);
    this.#tools = new DrawTools(part["watch-tools"], part["watch-canvas"], this.#sketch, drawing);
    this.#part = part.watch;
    this.#words = part["watch-words"];
    this.#button = part["watch-away"];
    this.#video = part["watch-video"];
    this.#full = part["watch-full"];
    this.#redraw = redraw;
    this.#full.addEventListener("click", () => void this.#fullScreen());
    this.#button.addEventListener("click", () => {
      this.#away = this.#away === this.#shown ? "" : this.#shown;
      redraw();
    });
    this.#video.addEventListener("resize", () => redraw());
  }

  /**
   * @param {import("./story.js").Story} story
   * @param {?MediaStreamTrack} track what comes from the rep's app
   * @param {import("./language.js").Language} language
   */
  draw(story, track, language) {
    const activity = story.phase === "inside" ? (story.session?.watched ?? null) : null;
    this.#shown = activity?.id ?? "";
    this.#part.hidden = !activity;
    const away = this.#away !== "" && this.#away === this.#shown;
    this.#play(activity && !away ? track : null);
    const seen = activity !== null && !away && this.#video.videoWidth > 0;
    this.#tools.draw(language, seen && this.#drawing.may);
    this.#bearsInk = activity !== null && bearsInk(activity);
    this.#ink(seen);
    if (!activity) return;
    const name = story.session.people.get(activity.subject)?.name ?? language.t("rep.somebody");
    const key = away ? "watch.away" : watchWords(activity, story.hub, this.#video.videoWidth > 0);
    const words = language.t(key, { name });
    if (this.#words.textContent !== words) this.#words.textContent = words;
    const button = language.t(away ? "watch.show" : "watch.hide");
    if (this.#button.textContent !== button) this.#button.textContent = button;
    this.#full.textContent = language.t("watch.full");
    this.#full.hidden = away || this.#video.videoWidth === 0 || !this.#video.requestFullscreen;
    this.#video.hidden = away || this.#video.videoWidth === 0;
    this.#video.setAttribute("aria-label", words);
  }

  /** The picture with whatever is drawn over it, as large as the screen. */
  async #fullScreen() {
    try {
      await (this.#video.closest(".stage") ?? this.#video).requestFullscreen();
    } catch (error) {
      console.info("no full screen", error.name);
    }
  }

  /** Only what is drawn is another. */
  sketch() {
    if (!this.#part.hidden && !this.#video.hidden) this.#ink(true);
  }

  /** Everything that is drawn, or only what has not come back in the picture yet: nothing is seen twice. */
  #ink(seen) {
    const { board, drawers } = this.#drawing;
    clearTimeout(this.#later);
    if (!seen || !this.#bearsInk) {
      this.#sketch.show(seen ? board : null, drawers);
      return;
    }
    const since = performance.now() - COMES_BACK_MS;
    const strokes = board.strokes.filter((one) => one.at > since);
    this.#sketch.show({ strokes, pointers: new Map() }, drawers);
    if (strokes.length) this.#later = setTimeout(() => this.sketch(), COMES_BACK_MS);
  }

  #play(track) {
    const now = this.#video.srcObject?.getVideoTracks()[0] ?? null;
    if (now === track) return;
    this.#video.srcObject = track ? new MediaStream([track]) : null;
    if (track) void this.#video.play().catch(() => this.#redraw());
  }
}
