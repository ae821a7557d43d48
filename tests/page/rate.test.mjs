import assert from "node:assert/strict";
import { test } from "node:test";

import { EncodingSetter, encodingFor, isLookedAt } from "../../resources/customer_page/rate.js";

const FULL = { max_fps: 30, max_kbps: 8_000 };
const HIDDEN = { max_fps: 2, max_kbps: 300 };

test("what is looked at goes out in full size at the rate that the hub wishes", () => {
  const encoding = encodingFor(FULL, { width: 1920, height: 1080 }, false);
  assert.deepEqual(encoding, { maxBitrate: 8_000_000, maxFramerate: 30, scaleResolutionDownBy: 1 });
});

test("a tab that nobody looks at gets two small pictures a second, whatever the screen's size", () => {
  assert.ok(!isLookedAt(HIDDEN));
  for (const [width, height] of [[1280, 720], [1920, 1080], [3840, 2160]]) {
    const { maxFramerate, scaleResolutionDownBy: by } = encodingFor(HIDDEN, { width, height }, false);
    assert.equal(maxFramerate, 2);
    assert.ok((width / by) * (height / by) <= 480 * 270 + 1);
  }
  assert.equal(encodingFor(HIDDEN, { width: 320, height: 200 }, false).scaleResolutionDownBy, 1);
  assert.equal(encodingFor(HIDDEN, {}, false).scaleResolutionDownBy, 1);
});

test("the bound never falls so low that Chromium forgets how much its line carries", () => {
  assert.ok(encodingFor(HIDDEN, { width: 1920, height: 1080 }, false).maxBitrate >= 2_000_000);
});

test("the first picture after that is a small one, in full size", () => {
  const encoding = encodingFor(FULL, { width: 1920, height: 1080 }, true);
  assert.equal(encoding.scaleResolutionDownBy, 1);
  assert.ok(encoding.maxBitrate < 8_000_000);
  assert.equal(encodingFor({ max_fps: 30, max_kbps: 1_000 }, {}, true).maxBitrate, 1_000_000);
});

/** Refuses, as Chromium does, what is set while something else still is. */
class Sender {
  set = [];
  #busy = false;
  getParameters() {
    return { encodings: [{}] };
  }
  async setParameters({ encodings: [encoding] }) {
    if (this.#busy) throw new DOMException("busy", "InvalidStateError");
    this.#busy = true;
    await new Promise((done) => setTimeout(done, 5));
    this.#busy = false;
    this.set.push(encoding.maxFramerate);
  }
}

test("a wish that comes while another one is being set is set after it, and the newest counts", async () => {
  const [setter, sender] = [new EncodingSetter(), new Sender()];
  let fps = 30;
  const first = setter.set(sender, () => ({ maxFramerate: fps }));
  fps = 10;
  void setter.set(sender, () => ({ maxFramerate: fps }));
  fps = 2;
  void setter.set(sender, () => ({ maxFramerate: fps }));
  await first;
  assert.deepEqual(sender.set, [30, 2]);
});

test("another connection's sender waits for nobody", async () => {
  const [setter, stuck, sender] = [new EncodingSetter(), new Sender(), new Sender()];
  stuck.setParameters = () => new Promise(() => {});
  void setter.set(stuck, () => ({ maxFramerate: 30 }));
  await setter.set(sender, () => ({ maxFramerate: 30 }));
  assert.deepEqual(sender.set, [30]);
});
