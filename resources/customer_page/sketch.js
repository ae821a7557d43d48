/** Paints what is drawn over a video, sharp at any size, each drawer by name (B-7.3). */

import { WHOLE } from "./draw.js";

const LINE = 4;
const HALO = 8;
const NAME_CHARS = 24;

/**
 * Where the picture of a video lies in its box (`object-fit: contain`), all in the same unit.
 * @returns {{x: number, y: number, width: number, height: number}}
 */
export function pictureIn(width, height, videoWidth, videoHeight) {
  if (!videoWidth || !videoHeight) return { x: 0, y: 0, width, height };
  const scale = Math.min(width / videoWidth, height / videoHeight);
  const size = { width: videoWidth * scale, height: videoHeight * scale };
  return { x: (width - size.width) / 2, y: (height - size.height) / 2, ...size };
}

/**
 * The lines that an arrow or a box is made of.
 * @param {string} tool
 * @param {number[]} from in pixels
 * @param {number[]} to in pixels
 * @returns {number[][][]}
 */
export function linesOf(tool, from, to) {
  if (tool === "box") return [[from, [to[0], from[1]], to, [from[0], to[1]], from]];
  const along = Math.atan2(to[1] - from[1], to[0] - from[0]);
  const head = Math.min(24, Math.hypot(to[0] - from[0], to[1] - from[1]));
  const wing = (turn) => [to[0] - head * Math.cos(along + turn), to[1] - head * Math.sin(along + turn)];
  return [[from, to], [wing(0.5), to, wing(-0.5)]];
}

/** One canvas over one video. */
export class Sketch {
  #video;
  #canvas;
  #board = null;
  #names = new Map();
  #planned = 0;

  /** @param {HTMLVideoElement} video @param {HTMLCanvasElement} canvas that lies over all of it */
  constructor(video, canvas) {
    this.#video = video;
    this.#canvas = canvas;
    new ResizeObserver(() => this.#plan()).observe(video);
    video.addEventListener("resize", () => this.#plan());
  }

  /**
   * Show what is drawn; of those who have no name here nothing is shown.
   * @param {?import("./draw.js").Board} board
   * @param {Map<string, string>} names of the drawers by id
   */
  show(board, names) {
    this.#board = board;
    this.#names = names;
    this.#canvas.hidden = !board;
    this.#plan();
  }

  /** @param {{clientX: number, clientY: number}} event @returns {number[]} the place on the picture, at its edge if beyond */
  at(event) {
    const box = this.#canvas.getBoundingClientRect();
    const { x, y, width, height } = pictureIn(box.width, box.height, this.#video.videoWidth, this.#video.videoHeight);
    const part = (value, size) => Math.round(Math.min(Math.max(value / size, 0), 1) * WHOLE);
    return [part(event.clientX - box.left - x, width), part(event.clientY - box.top - y, height)];
  }

  #plan() {
    // A hidden tab has no animation frames, and whoever comes back to it sees the newest.
    this.#planned ||= requestAnimationFrame(() => {
      this.#planned = 0;
      this.#paint();
    });
  }

  #paint() {
    const canvas = this.#canvas;
    const ratio = canvas.ownerDocument.defaultView?.devicePixelRatio ?? 1;
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    if (!this.#board || !width || !height) return;
    const place = pictureIn(canvas.clientWidth, canvas.clientHeight, this.#video.videoWidth, this.#video.videoHeight);
    const spot = ([x, y]) => [place.x + (x / WHOLE) * place.width, place.y + (y / WHOLE) * place.height];
    const style = getComputedStyle(document.documentElement);
    const colour = (number) => style.getPropertyValue(`--draw-${number}`).trim() || "#c8005f";
    pen.lineCap = pen.lineJoin = "round";
    const labels = new Map();
    for (const stroke of this.#board.strokes) {
      if (!this.#names.has(stroke.by)) continue;
      const points = stroke.points.map(spot);
      this.#line(pen, stroke.tool === "pen" ? [points] : linesOf(stroke.tool, points[0], points.at(-1)), colour(stroke.colour));
      labels.set(stroke.by, [points[0], stroke.colour]);
    }
    for (const [by, { x, y, colour: number }] of this.#board.pointers) {
      if (!this.#names.has(by)) continue;
      const at = spot([x, y]);
      this.#arrow(pen, at, colour(number));
      labels.set(by, [[at[0] + 12, at[1] + 18], number]);
    }
    for (const [by, [at, number]] of labels) this.#label(pen, this.#names.get(by), at, colour(number), canvas);
  }

  #line(pen, lines, colour) {
    for (const [width, paint] of [[HALO, "rgb(255 255 255 / 85%)"], [LINE, colour]]) {
      pen.lineWidth = width;
      pen.strokeStyle = paint;
      pen.beginPath();
      for (const points of lines) {
        pen.moveTo(...points[0]);
        for (const point of points.length > 1 ? points.slice(1) : points) pen.lineTo(...point);
      }
      pen.stroke();
    }
  }

  #arrow(pen, [x, y], colour) {
    pen.beginPath();
    for (const [right, down] of [[0, 0], [0, 22], [6, 17], [16, 16]]) pen.lineTo(x + right, y + down);
    pen.closePath();
    pen.lineWidth = 3;
    pen.strokeStyle = "#fff";
    pen.stroke();
    pen.fillStyle = colour;
    pen.fill();
  }

  #label(pen, name, [x, y], colour, canvas) {
    const short = [...name].length > NAME_CHARS ? `${[...name].slice(0, NAME_CHARS - 1).join("")}…` : name;
    pen.font = "600 14px system-ui, sans-serif";
    pen.textBaseline = "middle";
    const width = pen.measureText(short).width + 16;
    const left = Math.max(2, Math.min(x, canvas.clientWidth - width - 2));
    const top = Math.max(2, Math.min(y + 6, canvas.clientHeight - 26));
    pen.beginPath();
    pen.roundRect(left, top, width, 24, 12);
    pen.fillStyle = colour;
    pen.fill();
    pen.lineWidth = 1.5;
    pen.strokeStyle = "#fff";
    pen.stroke();
    pen.fillStyle = "#fff";
    pen.fillText(short, left + 8, top + 12.5);
  }
}
