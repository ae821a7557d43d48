/** The file that is sent: read in order, and the same file all the time. */

import { Problem } from "./files_problem.js";

/** Reads from a stream, which costs little more than half of reading slice by slice, as far as the browser can. */
export class Source {
  #file;
  #sync = new FileReaderSync(); // a worker may wait, and it costs a fifth less
  #reader = null;
  #at = -1;
  #streams = true;

  /** @param {File} file */
  constructor(file) {
    this.#file = file;
  }

  /**
   * @param {number} start the first byte; to go on where the last reading ended is the cheapest
   * @param {number} end the byte after the last one
   * @param {ArrayBuffer} [buffer] of that many bytes, for the answer; of no use to anybody afterwards
   * @returns {Promise<Uint8Array>}
   * @throws {Problem} `file_gone`, or `file_changed`: since it was chosen
   */
  async read(start, end, buffer = new ArrayBuffer(end - start)) {
    if (!this.#streams) return this.#slice(start, end);
    // A stream looks at the file's time only when it begins; a slice looks at it, too.
    if (end > start) this.#slice(start, start + 1);
    if (this.#at !== start && !this.#begin(start)) return this.#slice(start, end);
    const wanted = end - start;
    let length = 0;
    try {
      while (length < wanted) {
        const { done, value } = await this.#reader.read(new Uint8Array(buffer, length, wanted - length));
        if (done) throw new Error("shorter than it was");
        buffer = value.buffer;
        length += value.length;
      }
    } catch {
      this.#at = -1;
      return this.#slice(start, end); // says what is wrong with the file, if anything is
    }
    this.#at = end;
    return new Uint8Array(buffer, 0, wanted);
  }

  #begin(start) {
    this.#reader?.cancel().catch(() => undefined);
    try {
      this.#reader = this.#file.slice(start).stream().getReader({ mode: "byob" });
    } catch {
      this.#streams = false; // a browser that cannot
    }
    return this.#streams;
  }

  #slice(start, end) {
    try {
      const bytes = new Uint8Array(this.#sync.readAsArrayBuffer(this.#file.slice(start, end)));
      if (bytes.length !== end - start) throw new Problem("file_changed");
      return bytes;
    } catch (error) {
      throw error instanceof Problem ? error : new Problem(error.name === "NotFoundError" ? "file_gone" : "file_changed");
    }
  }
}
