import assert from "node:assert/strict";
import { test } from "node:test";

import { Wire, WireError, options } from "../../resources/customer_page/wire.js";

/** The official client's interface, as far as the line uses it. */
class Socket {
  connected = true;
  sent = [];
  connects = 0;
  closes = 0;
  #listeners = new Map();
  on(name, listener) {
    this.#listeners.set(name, listener);
  }
  hear(name, payload) {
    this.#listeners.get(name)?.(payload);
  }
  timeout(ms) {
    return { emit: (event, payload, ack) => this.sent.push({ event, payload, ack, ms }) };
  }
  emit(event, payload) {
    this.sent.push({ event, payload });
  }
  connect() {
    this.connects += 1;
  }
  disconnect() {
    this.closes += 1;
  }
}

const refusedWith = (code) => (error) => error instanceof WireError && error.code === code;

test("an ack's value is the reply, its code the refusal", async () => {
  const socket = new Socket();
  const wire = new Wire(socket, ["wrong_number"]);
  const good = wire.request("session.join", { name: "Ana" });
  socket.sent[0].ack(null, { ok: true, value: { seq: 1 } });
  assert.deepEqual(await good, { seq: 1 });
  const bad = wire.request("session.join", {});
  socket.sent[1].ack(null, { ok: false, code: "wrong_number" });
  await assert.rejects(bad, refusedWith("wrong_number"));
  const odd = wire.request("session.join", {});
  socket.sent[2].ack(null, { ok: false, code: "from_the_future" });
  await assert.rejects(odd, refusedWith("internal"));
  const malformed = wire.request("session.join", {});
  socket.sent[3].ack(null, "nonsense");
  await assert.rejects(malformed, refusedWith("bad_message"));
});

test("nothing is sent, and nothing kept for later, while the line is down", async () => {
  const socket = new Socket();
  const wire = new Wire(socket, []);
  socket.connected = false;
  await assert.rejects(wire.request("chat.send", {}), refusedWith("offline"));
  wire.farewell("page.closing", {});
  assert.deepEqual(socket.sent, []);
});

test("a line that breaks fails what waits for an answer at once", async () => {
  const socket = new Socket();
  const wire = new Wire(socket, []);
  const told = [];
  wire.on("down", (reason) => told.push(reason));
  const waiting = wire.request("chat.send", {});
  socket.connected = false;
  socket.hear("disconnect", "transport close");
  await assert.rejects(waiting, refusedWith("offline"));
  assert.deepEqual(told, ["transport close"]);
  socket.sent[0].ack(null, { ok: true, value: {} }); // too late: settled already, and no crash
});

test("no answer in time is a time-out", async () => {
  const socket = new Socket();
  const wire = new Wire(socket, []);
  const waiting = wire.request("ice.get", {}, 5);
  assert.equal(socket.sent[0].ms, 5);
  socket.sent[0].ack(new Error("operation has timed out"));
  await assert.rejects(waiting, refusedWith("timeout"));
});

test("B-12.5: a probe without answer gets a fresh line", async () => {
  const socket = new Socket();
  const wire = new Wire(socket, []);
  const probing = wire.probe("ice.get", {}, 5);
  socket.sent[0].ack(new Error("operation has timed out"));
  await assert.rejects(probing, refusedWith("timeout"));
  assert.deepEqual([socket.closes, socket.connects], [1, 1]);
});

test("a relay that closes the line is called again", () => {
  const socket = new Socket();
  new Wire(socket, []);
  socket.hear("disconnect", "io server disconnect");
  assert.equal(socket.connects, 1);
  socket.hear("disconnect", "transport close"); // the client itself comes back after this one
  assert.equal(socket.connects, 1);
});

test("a refused version is told apart from an unreachable relay", () => {
  const socket = new Socket();
  const wire = new Wire(socket, ["version_too_old"]);
  const told = [];
  wire.on("refused", (code) => told.push(code));
  wire.on("unreachable", (count) => told.push(count));
  socket.hear("connect_error", new Error("version_too_old"));
  socket.hear("connect_error", new Error("xhr poll error"));
  assert.deepEqual(told, ["version_too_old", 1]);
});

test("the first words carry the version and the language, and no field that the relay does not know", () => {
  let hello = null;
  options({ version: 1 }, "ro").auth((given) => {
    hello = given;
  });
  assert.deepEqual(hello, { v: 1, client: "page", client_version: "1", locale: "ro" });
});
