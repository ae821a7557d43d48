/** The relay's STUN and TURN servers as browsers take them, and how long their credentials hold. */

/** Of their time credentials are used this share; then they are asked for anew before the next connection. */
const USED = 0.8;

/** What one answer of the relay said. */
export class Ice {
  #until;

  /**
   * @param {?object} said the relay's `IceServers`
   * @param {number} now milliseconds that never jump
   */
  constructor(said = null, now = performance.now()) {
    this.#until = said?.valid_s ? now + said.valid_s * 1_000 * USED : Infinity;
    /** @type {RTCConfiguration} */
    this.configuration = {
      iceServers: (said?.servers ?? []).map((server) => ({
        urls: [...server.urls],
        ...(server.username ? { username: server.username, credential: server.credential } : {}),
      })),
      iceTransportPolicy: said?.relay_only ? "relay" : "all",
      bundlePolicy: "max-bundle",
    };
  }

  /** @param {number} now @returns {boolean} whether the credentials are about to run out */
  isStale(now = performance.now()) {
    return now >= this.#until;
  }
}
