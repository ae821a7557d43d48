import assert from "node:assert/strict";
import { test } from "node:test";

import { nextEpoch } from "../../resources/customer_page/connection.js";
import { vp8Only } from "../../resources/customer_page/media_lines.js";
import { Share, pickerFailure } from "../../resources/customer_page/share.js";

test("an epoch is above every one before, whoever forgot what", () => {
  assert.equal(nextEpoch(5, 0, 3), 6);
  assert.equal(nextEpoch(5, 90, 3), 90);
  assert.equal(nextEpoch(0, 1, 1_795_000_000_000), 1_795_000_000_000);
});

test("VP8 and its retransmission are all that is offered; a browser that does not tell keeps its own list", () => {
  const codecs = ["video/H264", "video/VP8", "video/rtx", "video/AV1"].map((mimeType) => ({ mimeType }));
  assert.deepEqual(vp8Only(codecs).map((codec) => codec.mimeType), ["video/VP8", "video/rtx"]);
  assert.deepEqual(vp8Only([]), []);
});

class Track extends EventTarget {
  readyState = "live";
  contentHint = "";
  settings = { displaySurface: "monitor", width: 1920, height: 1080 };
  getSettings() {
    return this.settings;
  }
  stop() {
    this.readyState = "ended";
  }
}
const devices = (...tracks) => ({ getDisplayMedia: async () => {
  const track = tracks.shift();
  return { getVideoTracks: () => [track], getTracks: () => [track] };
} });

test("B-7.1: stopping stops the track here and now, and is no surprise", async () => {
  const track = new Track();
  const share = new Share(devices(track), { ended: () => assert.fail("ended"), changed() {} });
  await share.pick();
  assert.equal(track.contentHint, "detail");
  share.stop();
  assert.equal(track.readyState, "ended");
  assert.equal(share.isLive, false);
  track.dispatchEvent(new Event("ended"));
});

test("the browser's own stop button is heard", async () => {
  const track = new Track();
  let ended = 0;
  const share = new Share(devices(track), { ended: () => { ended += 1; }, changed() {} });
  await share.pick();
  track.dispatchEvent(new Event("ended"));
  assert.equal(ended, 1);
});

test("showing something else stops the old source only after the new one was chosen", async () => {
  const [first, second] = [new Track(), new Track()];
  const share = new Share(devices(first, second), { ended: () => assert.fail("ended"), changed() {} });
  await share.pick();
  await share.pick();
  first.dispatchEvent(new Event("ended"));
  assert.deepEqual([first.readyState, second.readyState, share.track], ["ended", "live", second]);
});

test("a switched source is noticed once", async () => {
  const track = new Track();
  let changed = 0;
  const share = new Share(devices(track), { ended() {}, changed: () => { changed += 1; } });
  await share.pick();
  share.look();
  track.settings = { displaySurface: "window", width: 800, height: 600 };
  share.look();
  share.look();
  assert.equal(changed, 1);
  assert.deepEqual(share.facts, { source: "window", width: 800, height: 600 });
});

test("a picker that was closed is told from one that the system forbids", () => {
  const error = (name, message = "") => Object.assign(new Error(message), { name });
  assert.equal(pickerFailure(error("NotAllowedError", "Permission denied")), "dismissed");
  assert.equal(pickerFailure(error("NotAllowedError", "Permission denied by system")), "blocked");
  assert.equal(pickerFailure(error("NotReadableError")), "failed");
  assert.equal(pickerFailure(error("TypeError")), "missing");
});
