/** What ends a transfer, with a code that the page has words for. */

export class Problem extends Error {
  /** @param {string} code */
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/** May pass: a void ticket, a full disk. Where it lasts, the transfer ends with its code. */
export class Lasting extends Problem {}
