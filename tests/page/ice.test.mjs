import assert from "node:assert/strict";
import { test } from "node:test";

import { Connection } from "../../resources/customer_page/connection.js";
import { Ice } from "../../resources/customer_page/ice.js";

const turn = (word, valid = 600) => ({
  servers: [{ urls: ["turn:turn.example.org"], username: `u${word}`, credential: word }], valid_s: valid, relay_only: true,
});

test("the relay's servers reach the browser as they are; only the TURN server where the site says so", () => {
  assert.deepEqual(new Ice(turn("a")).configuration, {
    iceServers: [{ urls: ["turn:turn.example.org"], username: "ua", credential: "a" }],
    iceTransportPolicy: "relay",
    bundlePolicy: "max-bundle",
  });
  assert.deepEqual(new Ice({ servers: [{ urls: ["stun:a"] }] }).configuration.iceServers, [{ urls: ["stun:a"] }]);
  assert.equal(new Ice({ servers: [] }).configuration.iceTransportPolicy, "all");
});

test("credentials are stale before they run out; those without end never are", () => {
  const ice = new Ice(turn("a", 600), 1_000);
  assert.equal(ice.isStale(1_000 + 479_000), false);
  assert.equal(ice.isStale(1_000 + 481_000), true);
  assert.equal(new Ice({ servers: [], valid_s: 0 }, 0).isStale(1e12), false);
});

test("a connection with stale credentials asks for fresh ones first, and goes on without when there are none", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const made = [];
  class Peer extends EventTarget {
    constructor(configuration) {
      super();
      made.push(configuration);
      this.localDescription = { sdp: "v=0" };
    }
    addTransceiver() {
      return { sender: { async replaceTrack() {}, getParameters: () => ({ encodings: [] }) } };
    }
    createDataChannel() {
      return new EventTarget();
    }
    async setLocalDescription() {}
    close() {}
  }
  globalThis.RTCPeerConnection = Peer;
  context.after(() => delete globalThis.RTCPeerConnection);
  const answers = [turn("fresh"), null];
  const connection = new Connection({
    lines: ["share_up", "data"], label: "x", heartbeatMs: 1_000, deadMs: 10_000, ready: () => true, tick() {}, state() {},
    signal: async () => {},
    refresh: async () => answers.shift() ?? Promise.reject(new Error("offline")),
  });
  connection.setIce(new Ice(turn("old", 1), performance.now() - 2_000));
  await connection.offer();
  assert.equal(made[0].iceServers[0].credential, "fresh");
  await connection.offer();
  assert.equal(answers.length, 1, "those still hold");
  connection.setIce(new Ice(turn("old", 1), performance.now() - 2_000));
  await connection.offer();
  assert.equal(made[2].iceServers[0].credential, "old");
  const closed = new Ice(turn("old", 1), performance.now() - 2_000);
  connection.setIce(closed);
  const offering = connection.offer();
  connection.close();
  await offering;
  assert.equal(made.length, 3, "nobody is called after the end");
});
