/** The small pictures of cameras: the customer's own, mirrored, and those of others; a click enlarges one. */

import { h } from "./elements.js";

/**
 * What is said over a picture; while anything is said the picture is dimmed, so that an old one never looks alive.
 * @param {{mine?: boolean, paused?: boolean}} camera
 * @param {string} hub state of the connection to the rep's app
 * @param {boolean} hasPicture whether anything was shown yet
 * @returns {string} a key under `camera.`, empty for a picture that is live
 */
export function tileWords({ mine = false, paused = false }, hub, hasPicture) {
  if (!mine && hub !== "connected") return "camera.lost";
  if (paused) return "camera.paused";
  return hasPicture ? "" : "camera.coming";
}

/** Draws the part of the page with the cameras and the customer's own button. */
export class Tiles {
  #part;
  #visit;
  #language;
  /** @type {Map<string, {figure: HTMLElement, video: HTMLVideoElement, name: HTMLElement, button: HTMLElement, words: HTMLElement, stop: HTMLElement}>} */
  #tiles = new Map();
  #large = "";
  #choices = "";

  /**
   * @param {Object<string, HTMLElement>} part the page's elements by their ids
   * @param {import("./visit.js").Visit} visit
   * @param {import("./language.js").Language} language
   */
  constructor(part, visit, language) {
    this.#part = part;
    this.#visit = visit;
    this.#language = language;
    part["camera-toggle"].addEventListener("click", () => this.#toggle());
    part["camera-choice"].addEventListener("change", () => void visit.video.choose(part["camera-choice"].value));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#large) this.#enlarge("");
    });
  }

  #t(key, places) {
    return this.#language.t(key, places);
  }

  #toggle() {
    const { story, video } = this.#visit;
    if (story.camera === "running") video.stop();
    else if (story.camera === "none") void video.show(this.#t("camera.show"));
  }

  #stop(owner) {
    const { session } = this.#visit.story;
    const camera = session?.othersCameras.find((one) => one.subject === owner);
    if (camera) void this.#visit.video.stopOf(camera.id);
  }

  #enlarge(owner) {
    this.#large = this.#large === owner ? "" : owner;
    this.draw();
  }

  /** Draw what the story says now. */
  draw() {
    const { story, video, report } = this.#visit;
    const inside = story.phase === "inside" && story.session !== null;
    const shown = inside ? this.#shown() : [];
    // While he is asked, the question has the button.
    const offers = inside && video.may && report.camera !== "no" && !story.session.myCamera("asked");
    this.#part.cameras.hidden = !(inside && video.may && report.camera !== "no") && shown.length === 0 && !(inside && story.cameraHint);
    this.#tools(offers);
    for (const [owner, tile] of this.#tiles) {
      if (shown.some((one) => one.owner === owner)) continue;
      tile.figure.remove();
      tile.video.srcObject = null;
      this.#tiles.delete(owner);
      if (this.#large === owner) this.#large = "";
    }
    for (const one of shown) this.#tile(one);
    document.body.classList.toggle("camera-large", this.#large !== "");
  }

  /** Whose pictures there are: the customer's own first. */
  #shown() {
    const { session } = this.#visit.story;
    const tracks = this.#visit.video.tracks;
    const { track } = this.#visit.video;
    const mine = { owner: session.you, track, mine: true, paused: session.myCamera("running")?.paused };
    const own = this.#visit.story.camera === "running" ? [mine] : [];
    const others = session.othersCameras.map((activity) => ({
      owner: activity.subject,
      track: tracks.get(activity.subject) ?? null,
      name: session.people.get(activity.subject)?.name ?? this.#t("rep.somebody"),
      paused: activity.paused || this.#visit.video.arePaused,
    }));
    return [...own, ...others];
  }

  #tile({ owner, track, mine = false, name = "", paused = false }) {
    let tile = this.#tiles.get(owner);
    if (!tile) {
      const video = h("video", { autoplay: true, muted: true, playsInline: true, disablePictureInPicture: true });
      const words = h("span", { className: "tile-words" });
      const button = h("button", { type: "button", className: "tile-picture", onclick: () => this.#enlarge(owner) }, video, words);
      const caption = h("figcaption");
      const stop = h("button", { type: "button", className: "tile-stop", textContent: "✕", onclick: () => this.#stop(owner) });
      const figure = h("figure", { className: "tile", "data-owner": owner }, button, stop, caption);
      video.addEventListener("resize", () => this.draw());
      tile = { figure, video, name: caption, button, words, stop };
      this.#tiles.set(owner, tile);
      this.#part.tiles.append(figure);
    }
    const now = tile.video.srcObject?.getVideoTracks()[0] ?? null;
    if (now !== track) {
      tile.video.srcObject = track ? new MediaStream([track]) : null;
      if (track) void tile.video.play().catch(() => {});
    }
    const label = mine ? this.#t("camera.you") : name;
    const large = this.#large === owner;
    const key = tileWords({ mine, paused }, this.#visit.story.hub, tile.video.videoWidth > 0);
    const said = key && this.#t(key);
    // His own has its button below; somebody else's is stopped by whoever is helped (B-7.6).
    tile.stop.hidden = mine || !this.#visit.video.may;
    tile.stop.title = this.#t("camera.stop_other", { name: label });
    tile.stop.setAttribute("aria-label", tile.stop.title);
    tile.figure.classList.toggle("mine", mine);
    tile.figure.classList.toggle("large", large);
    tile.figure.classList.toggle("veiled", said !== "");
    if (tile.name.textContent !== label) tile.name.textContent = label;
    if (tile.words.textContent !== said) tile.words.textContent = said;
    tile.button.setAttribute("aria-label", this.#t(large ? "camera.reduce" : "camera.enlarge", { name: label }));
    tile.button.setAttribute("aria-pressed", String(large));
  }

  #tools(offers) {
    const { story, video } = this.#visit;
    const part = this.#part;
    const running = story.camera === "running";
    part.cameras.setAttribute("aria-label", this.#t("camera.label"));
    part["camera-toggle"].hidden = !offers && !running;
    part["camera-toggle"].disabled = story.camera === "starting";
    part["camera-toggle"].textContent = this.#t(running ? "camera.stop" : "camera.show");
    part["camera-toggle"].classList.toggle("on", running);
    const hint = story.cameraHint ? this.#t(story.cameraHint) : "";
    if (part["camera-hint"].textContent !== hint) part["camera-hint"].textContent = hint;
    const choice = part["camera-choice"];
    choice.hidden = !running || video.choices.length < 2;
    choice.setAttribute("aria-label", this.#t("camera.choice"));
    const made = JSON.stringify(video.choices);
    if (made !== this.#choices) {
      this.#choices = made;
      choice.replaceChildren(...video.choices.map(({ id, name }) => h("option", { value: id, textContent: name })));
    }
    if (!choice.hidden) choice.value = video.chosen;
  }
}
