import assert from "node:assert/strict";
import { test } from "node:test";

import { CameraRoom, cameraEncoding } from "../../resources/customer_page/camera_room.js";

const line = (kbps, more = {}) => ({ sharing: true, kbps, loss: null, ...more });

test("B-7.6 beside the screen the camera gives way first, by steps", () => {
  const room = new CameraRoom();
  assert.equal(room.look(line(4_000), 0), "full");
  assert.equal(room.look(line(1_400), 1_000), "low");
  assert.equal(room.look(line(600), 2_000), "none");
});

test("it comes back by steps, once there has been room for a while", () => {
  const room = new CameraRoom();
  room.look(line(500), 0);
  assert.equal(room.look(line(3_000), 1_000), "none");
  assert.equal(room.look(line(900), 4_000), "none"); // not enough: it counts anew
  assert.equal(room.look(line(3_000), 5_000), "none");
  assert.equal(room.look(line(3_000), 9_900), "none");
  assert.equal(room.look(line(3_000), 10_000), "low");
  assert.equal(room.look(line(3_000), 11_000), "low");
  assert.equal(room.look(line(3_000), 16_000), "full");
});

test("a screen that hardly moves leaves room for a small camera, whatever the browser thinks of the line", () => {
  const room = new CameraRoom();
  assert.equal(room.look(line(400, { used: 350 }), 0), "none");
  assert.equal(room.look(line(400, { used: 40 }), 1_000), "none");
  assert.equal(room.look(line(400, { used: 40 }), 6_000), "low");
  assert.equal(room.look(line(400, { used: 40 }), 20_000), "low", "no more than that");
  assert.equal(room.look(line(400, { used: 200 }), 21_000), "none");
  assert.equal(new CameraRoom().look(line(400, { used: 40 }), 0), "low");
});

test("without a shared screen it has all the room", () => {
  const room = new CameraRoom();
  room.look(line(300), 0);
  assert.equal(room.look({ sharing: false, kbps: 300, loss: 1 }, 1_000), "full");
});

test("where the browser tells no estimate the losses do", () => {
  const room = new CameraRoom();
  assert.equal(room.look(line(null), 0), "full");
  assert.equal(room.look(line(null, { loss: 0.04 }), 1_000), "full");
  assert.equal(room.look(line(null, { loss: 0.2 }), 2_000), "none");
  assert.equal(room.look(line(null, { loss: 0 }), 3_000), "none");
  assert.equal(room.look(line(null, { loss: 0 }), 8_000), "low");
});

test("what is sent follows the hub's wish and the room", () => {
  const wish = { max_fps: 20, max_kbps: 500 };
  assert.deepEqual(cameraEncoding(wish, "full", { width: 640, height: 360 }), {
    active: true, maxBitrate: 500_000, maxFramerate: 20, scaleResolutionDownBy: 1, priority: "very-low",
  });
  assert.equal(cameraEncoding(wish, "full", { width: 1_920, height: 1_080 }).scaleResolutionDownBy, 3);
  assert.equal(cameraEncoding(wish, "low", {}).scaleResolutionDownBy, 2);
  assert.equal(cameraEncoding(wish, "low", {}).maxBitrate, 150_000);
  assert.equal(cameraEncoding(wish, "none", {}).active, false);
  assert.equal(cameraEncoding({ max_fps: 1, max_kbps: 40 }, "low", {}).maxBitrate, 40_000);
});
