/** What this device can do, as it is told to the relay: the browser's abilities and what the network proved to be. */

import { Network } from "./network.js";

/** Keeps the report and tells it whenever it has changed. */
export class Device {
  #network;
  #parts;
  #told = "";

  /**
   * @param {object} report of `lookAt`
   * @param {{tell: (report: object) => Promise<void>, isHere: () => boolean, changed: () => void}} parts
   */
  constructor(report, parts) {
    this.#parts = parts;
    this.report = report;
    this.#network = new Network(report.network, () => this.update(this.report));
  }

  /** @param {object} report what this browser can do, when that has changed */
  update(report) {
    this.report = { ...report, network: this.#network.value };
    this.#parts.changed();
    void this.tell();
  }

  /** The relay has got the present report with the join. */
  wasTold() {
    this.#told = JSON.stringify(this.report);
  }

  /** Tell the relay what it does not know yet. */
  async tell() {
    const report = JSON.stringify(this.report);
    if (!this.#parts.isHere() || report === this.#told) return;
    try {
      await this.#parts.tell(this.report);
      this.#told = report;
    } catch (error) {
      console.warn("device not reported", error.code);
    }
  }

  /**
   * @param {boolean} connected whether the media connection stands
   * @param {boolean} possible whether relay and hub are there, so that it could stand
   */
  look(connected, possible) {
    this.#network.look(connected, possible);
  }

  /** The visit is over. */
  close() {
    this.#network.close();
  }
}
