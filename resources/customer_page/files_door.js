/** The way to the files' modules, which are fetched once somebody is in a session, and what came before they did. */

export class FilesDoor {
  #parts;
  #files = null;
  #card = null;
  #seen = null;
  #over = false;
  secrets = new Map();

  constructor(parts) {
    this.#parts = parts;
  }

  #load() {
    this.#files ??= import("./files.js").then(({ Files }) => new Files({ ...this.#parts, secrets: this.secrets }));
    return this.#files;
  }

  async #do(what) {
    try {
      await what(await this.#load());
    } catch (error) {
      console.warn("files", error);
    }
  }

  #settle() {
    void this.#do((files) => files.settle());
  }

  take(activity) {
    if (activity?.kind === "file") void this.#do((files) => files.take(activity));
  }

  hear(hub, { type, secret }) {
    if (type !== "files") return false;
    if (/^[\w-]{43}$/.test(secret)) {
      this.secrets.set(hub, secret);
      this.#settle();
    }
    return true;
  }

  draw(part, language) {
    const { phase, session, over } = this.#parts.story;
    // A snapshot brings activities of its own: whatever became of files meanwhile is in there.
    if (phase === "inside" && session && session.activities !== this.#seen) {
      this.#seen = session.activities;
      this.#settle();
    }
    if (phase === "over" && this.#files && !this.#over) void this.#do((files) => files.close(over?.why === "replaced"));
    this.#over = phase === "over";
    if (this.#card) this.#card.draw();
    else if (this.#files && !part.dataset.coming) {
      part.dataset.coming = "yes";
      void this.#do(async (files) => {
        const { FilesCard } = await import("./files_card.js");
        this.#card = new FilesCard(part, files, language);
        this.#card.draw();
      });
    }
  }
}
