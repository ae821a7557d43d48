import assert from "node:assert/strict";
import { test } from "node:test";

import { tileWords } from "../../resources/customer_page/tiles.js";

test("a picture that is not live never looks alive", () => {
  assert.equal(tileWords({}, "connected", true), "");
  assert.equal(tileWords({}, "connected", false), "camera.coming");
  assert.equal(tileWords({}, "lost", true), "camera.lost");
  assert.equal(tileWords({ paused: true }, "connected", true), "camera.paused");
});

test("one's own picture needs no connection, and says when others do not get it", () => {
  assert.equal(tileWords({ mine: true }, "lost", true), "");
  assert.equal(tileWords({ mine: true, paused: true }, "connected", true), "camera.paused");
});
