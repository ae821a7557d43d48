/** The files on the screen: choose or drop some, answer what is offered, see how far each is. */

import { h } from "./elements.js";
import { chosen, dropped } from "./files_folder.js";

const UNITS = ["B", "kB", "MB", "GB"];

export function sizeWords(language, bytes) {
  const step = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1_000 ** step;
  const number = new Intl.NumberFormat(language.current, { maximumFractionDigits: step && value < 100 ? 1 : 0 }).format(value);
  return `${number} ${UNITS[step]}`;
}

export class FilesCard {
  #part;
  #files;
  #language;
  #rows = new Map();
  #spoken = "";
  #most = null;
  #missed = null;

  constructor(part, files, language) {
    this.#part = part;
    this.#files = files;
    this.#language = language;
    this.title = h("h2", { id: "files-title" });
    this.hint = h("p", { className: "note", id: "files-hint" });
    this.input = h("input", { type: "file", multiple: true, hidden: true, id: "files-input" });
    this.send = h("button", { type: "button", className: "quiet", id: "files-send", onclick: () => this.input.click() });
    this.folder = h("input", { type: "file", webkitdirectory: true, hidden: true, id: "files-folder" });
    this.sendFolder = h("button", { type: "button", className: "quiet", id: "files-send-folder", onclick: () => this.#pickFolder() });
    this.list = h("ul", { id: "files-list", "aria-labelledby": "files-title" });
    this.input.addEventListener("change", () => {
      void files.offer([...this.input.files]);
      this.input.value = "";
    });
    this.folder.addEventListener("change", () => {
      const folders = chosen(this.folder.files);
      this.folder.value = "";
      if (this.#missed) void this.#goOn(null, folders);
      else void files.offerFolders(folders);
    });
    this.other = h("input", { type: "file", hidden: true, id: "files-again" });
    this.other.addEventListener("change", () => {
      const [file] = this.other.files;
      this.other.value = "";
      if (file) void this.#goOn(file);
    });
    const buttons = h("div", { className: "buttons" }, this.send, this.sendFolder);
    part.replaceChildren(this.title, this.list, buttons, this.input, this.folder, this.other, this.hint);
    this.#listen();
    void files.most().then((most) => {
      this.#most = most;
      this.draw();
    }, () => undefined);
  }

  #listen() {
    const carries = (event) => event.dataTransfer?.types.includes("Files");
    document.addEventListener("dragover", (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = this.#files.hurdle ? "none" : "copy";
      this.#part.classList.add("over");
    });
    document.addEventListener("dragleave", () => this.#part.classList.remove("over"));
    document.addEventListener("drop", (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      this.#part.classList.remove("over");
      if (this.#files.hurdle) return;
      const found = dropped(event.dataTransfer);
      void this.#files.offer(found.flatMap(({ file }) => file ?? []));
      void this.#files.offerFolders(found.filter(({ gather }) => gather));
    });
  }

  #t(key, places) {
    return this.#language.t(key, places);
  }

  draw() {
    const { hurdle } = this.#files;
    this.#part.hidden = this.#files.isHidden;
    if (this.#part.hidden) return;
    if (this.#spoken !== this.#language.current) {
      this.#spoken = this.#language.current;
      this.title.textContent = this.#t("files.title");
      this.send.textContent = this.#t("files.send");
      this.sendFolder.textContent = this.#t("files.send_folder");
      this.#rows.clear();
      this.list.replaceChildren();
    }
    for (const button of [this.send, this.sendFolder]) {
      button.hidden = hurdle !== "" && hurdle !== "files.not_yet";
      button.disabled = hurdle !== "";
    }
    // Phones have no dialog for folders.
    this.sendFolder.hidden ||= matchMedia("(pointer: coarse)").matches;
    write(this.hint, this.#hint(hurdle));
    for (const line of this.#files.lines) this.#row(line);
  }

  #hint(hurdle) {
    if (hurdle === "hidden") return "";
    if (hurdle) return this.#t(hurdle);
    if (!this.#most) return this.#t("files.drop");
    const { bytes, lasting, bySite } = this.#most;
    if (bySite && !bytes) return this.#t("files.code_files_off");
    const key = !lasting ? "files.most_private" : bySite ? "files.most_site" : "files.most";
    return `${this.#t("files.drop")} ${this.#t(key, { size: sizeWords(this.#language, bytes) })}`;
  }

  #row(line) {
    let row = this.#rows.get(line.transfer);
    if (!row) {
      row = {
        name: h("bdi", { className: "file-name" }),
        words: h("p", { className: "file-words", role: "status" }),
        bar: h("progress", { max: 1, "aria-label": this.#t("files.progress") }),
        hash: h("p", { className: "file-hash" }),
        buttons: h("div", { className: "buttons" }),
        drawn: "",
      };
      row.item = h("li", {}, row.name, row.words, row.bar, row.hash, row.buttons);
      this.#rows.set(line.transfer, row);
      this.list.append(row.item);
    }
    row.item.dataset.state = line.state;
    write(row.name, line.name || this.#t("files.sealed_name"));
    write(row.words, this.#words(line));
    write(row.hash, line.state === "done" && line.digest ? `SHA-256: ${line.digest}` : "");
    row.bar.hidden = line.state !== "running" && line.state !== "paused";
    row.bar.value = line.size ? line.done / line.size : 1;
    const wanted = this.#wanted(line);
    const drawn = wanted.map(([key]) => key).join();
    if (drawn === row.drawn) return;
    row.drawn = drawn;
    row.buttons.replaceChildren(...wanted.map(([key, kind, act]) => h("button", {
      type: "button", className: kind, textContent: this.#t(key), "aria-label": `${this.#t(key)}: ${line.name}`, onclick: act,
    })));
  }

  #words(line) {
    const size = sizeWords(this.#language, line.size);
    const done = sizeWords(this.#language, line.done);
    const said = [];
    if (line.state === "running" && line.rate > 0) {
      const left = Math.ceil((line.size - line.done) / line.rate);
      said.push(this.#t("files.moving", { done, size, rate: sizeWords(this.#language, line.rate), left: this.#left(left) }));
    } else {
      said.push(this.#t(`files.state_${line.state}${line.state === "paused" ? "" : line.incoming ? "_in" : "_out"}`, { done, size }));
    }
    // What ends a file that nobody has cancelled.
    if (line.state === "stopped" && this.#language.has(`files.over_${line.end}`)) said.push(this.#t(`files.over_${line.end}`));
    // Once the session is over nothing can be tried again.
    if (this.#language.has(`files.code_${line.code}`)) said.push(this.#t(`files.code_${line.code}`));
    else if (line.code && this.#files.hurdle !== "hidden") said.push(this.#t("files.code_other"));
    if (line.weak) said.push(this.#t("files.weak"));
    return said.map((one, at) => (at < said.length - 1 && /[^.?!…]$/.test(one) ? `${one}.` : one)).join(" ");
  }

  #left(seconds) {
    return seconds < 90 ? this.#t("files.seconds", { count: seconds }) : this.#t("files.minutes", { count: Math.round(seconds / 60) });
  }

  #wanted(line) {
    const files = this.#files;
    const cancel = ["files.cancel", "quiet", () => files.cancel(line)];
    switch (line.state) {
      case "offered":
        return [["files.accept", "main", () => files.answer(line, true)], ["files.decline", "quiet", () => files.answer(line, false)]];
      case "running":
        return [["files.pause", "quiet", () => files.pause(line, true)], cancel];
      case "paused":
        return [["files.go_on", "main", () => files.pause(line, false)], cancel];
      case "again":
        return [["files.again", "main", () => this.#again(line)], cancel];
      case "packing":
      case "waiting":
        return [cancel];
      case "done":
        return line.incoming ? [["files.save", "quiet", () => files.save(line)]] : [];
      default:
        return [];
    }
  }

  #again(line) {
    this.#missed = line;
    (line.folder ? this.folder : this.other).click();
  }

  #pickFolder() {
    this.#missed = null;
    this.folder.click();
  }

  #goOn(file, folders) {
    const line = this.#missed;
    this.#missed = null;
    return line && this.#files.chooseAgain(line, file, folders);
  }
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
