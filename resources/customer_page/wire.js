/** The typed line to the relay: requests with acks and time-outs, events, and nothing buffered while it is down.
 *
 * Reads from /page/protocol.json: `version`, `limits`, `codes`, `media_lines`, `channel_label`.
 */

/** A request that was refused, or could not be made; `code` is the protocol's, or `offline` or `timeout`. */
export class WireError extends Error {
  /** @param {string} code */
  constructor(code) {
    super(code);
    this.name = "WireError";
    this.code = code;
  }
}

const REQUEST_MS = 8_000;
/** Attempts to come back are short at first: a lost SYN is only repeated after seconds, a fresh attempt is faster. */
const ATTEMPT_MS = 2_500;
const PATIENT_ATTEMPT_MS = 8_000;
const PATIENT_AFTER = 20;

/**
 * Options for the official client. Its own buffer is never used: `Wire.request` refuses while the line is down, for
 * what a person did before the line broke must not happen minutes later by itself.
 * @param {{version: number}} protocol
 * @param {string} locale
 * @returns {object}
 */
export function options(protocol, locale) {
  return {
    path: "/socket.io/",
    // WebSocket first; polling only where a proxy forbids it.
    transports: ["websocket", "polling"],
    tryAllTransports: true,
    autoConnect: false,
    reconnection: true,
    reconnectionDelay: 250,
    reconnectionDelayMax: 1_000,
    randomizationFactor: 0.5,
    timeout: PATIENT_ATTEMPT_MS,
    auth: (give) => give({ v: protocol.version, client: "page", client_version: String(protocol.version), locale }),
  };
}

/** The line. Events of the relay go to the listeners given to `on`; the line's own news are `up` and `down`. */
export class Wire {
  #socket;
  #known;
  #listeners = new Map();
  #waiting = new Set();
  #failures = 0;
  #closed = false;

  /**
   * @param {object} socket of the official client (or a test's)
   * @param {readonly string[]} codes the error codes of the protocol
   */
  constructor(socket, codes) {
    this.#socket = socket;
    this.#known = new Set([...codes, "offline", "timeout"]);
    socket.on("connect", () => {
      this.#failures = 0;
      this.#tell("up");
    });
    socket.on("disconnect", (reason) => {
      for (const fail of [...this.#waiting]) fail("offline");
      this.#tell("down", reason);
      // The relay closed us on purpose (it stops, or drops a silent client): the client does not retry by itself then.
      if (reason === "io server disconnect" && !this.#closed) this.#socket.connect();
    });
    socket.on("connect_error", (error) => this.#failed(error));
    for (const name of ["welcome", "session.event", "place", "signal", "session.replaced", "notice"]) {
      socket.on(name, (payload) => this.#tell(name, payload));
    }
    socket.io?.on?.("reconnect_attempt", (attempt) => {
      socket.io.timeout?.(attempt > PATIENT_AFTER && attempt % 2 ? PATIENT_ATTEMPT_MS : ATTEMPT_MS);
    });
  }

  #failed(error) {
    const code = error?.data?.code ?? error?.message ?? "";
    if (this.#known.has(code)) {
      // The relay answered, and refused. The client gives up then, but a busy or stopping relay may take us later.
      this.#tell("refused", code);
      const hopeless = code === "version_too_old" || code === "version_too_new";
      if (!hopeless && !this.#closed) setTimeout(() => this.#closed || this.#socket.connect(), 2_000);
      return;
    }
    this.#failures += 1;
    this.#tell("unreachable", this.#failures);
  }

  #tell(name, payload) {
    for (const listener of this.#listeners.get(name) ?? []) listener(payload);
  }

  /**
   * @param {string} name a relay event, or `up`, `down`, `refused` (code), `unreachable` (count)
   * @param {(payload: any) => void} listener
   */
  on(name, listener) {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
  }

  /** @returns {boolean} whether requests can be made right now */
  get isUp() {
    return Boolean(this.#socket.connected);
  }

  /** Begin, or try again at once instead of waiting for the next attempt. */
  connect() {
    this.#closed = false;
    if (this.isUp) return;
    const manager = this.#socket.io;
    // An attempt that hangs since before the network came back would only be in the way.
    if (manager?._reconnecting) this.#socket.disconnect();
    this.#socket.connect();
  }

  /** End for good. */
  close() {
    this.#closed = true;
    this.#socket.disconnect();
  }

  /**
   * Ask the relay something and wait for its ack.
   * @param {string} event
   * @param {object} payload
   * @param {number} [timeoutMs]
   * @returns {Promise<any>} the reply's value
   * @throws {WireError}
   */
  request(event, payload, timeoutMs = REQUEST_MS) {
    if (!this.isUp) return Promise.reject(new WireError("offline"));
    return new Promise((resolve, reject) => {
      const fail = (code) => {
        this.#waiting.delete(fail);
        reject(new WireError(code));
      };
      this.#waiting.add(fail);
      this.#socket.timeout(timeoutMs).emit(event, payload, (error, ack) => {
        if (!this.#waiting.delete(fail)) return;
        if (error) reject(new WireError(this.isUp ? "timeout" : "offline"));
        else if (ack?.ok === true) resolve(ack.value);
        else if (ack?.ok === false) reject(new WireError(this.#known.has(ack.code) ? ack.code : "internal"));
        else reject(new WireError("bad_message"));
      });
    });
  }

  /**
   * Say something on the way out, without waiting: the page is being closed.
   * @param {string} event
   * @param {object} payload
   */
  farewell(event, payload) {
    if (this.isUp) this.#socket.emit(event, payload);
  }

  /**
   * Find out whether the line still works, and get a fresh one at once if not. A network that was away leaves sockets
   * that look open until TCP gives up.
   * @param {string} event a harmless request
   * @param {object} payload
   * @param {number} timeoutMs
   * @returns {Promise<any>} its reply
   */
  async probe(event, payload, timeoutMs) {
    try {
      return await this.request(event, payload, timeoutMs);
    } catch (error) {
      if (error.code === "timeout") {
        this.#socket.disconnect();
        this.#socket.connect();
      }
      throw error;
    }
  }
}
