import assert from "node:assert/strict";
import { test } from "node:test";

import { Session } from "../../resources/customer_page/session.js";
import { watchWords } from "../../resources/customer_page/watch.js";

const share = (changes) => ({ id: "a1", kind: "view", state: "running", asked_by: "m", subject: "ion", seen_by: ["m", "eva"], ...changes });
const session = (you, activity) => new Session({ id: "s", number: "1", state: "active", you, seq: 1, activities: [activity] });

test("B-7.1: a customer watches what somebody else shows and he may see, and nothing else", () => {
  assert.equal(session("eva", share()).watched.id, "a1");
  assert.equal(session("leo", share()).watched, null, "he is not among those who see it");
  assert.equal(session("ion", share({ seen_by: ["m", "ion"] })).watched, null, "it is his own");
  assert.equal(session("eva", share({ state: "asked" })).watched, null, "it has not begun");
  assert.equal(session("eva", share({ kind: "voice" })).watched, null);
});

test("what is said over the picture follows what it is worth", () => {
  assert.equal(watchWords(share(), "connected", true), "watch.words");
  assert.equal(watchWords(share(), "connected", false), "watch.coming");
  assert.equal(watchWords(share(), "connecting", false), "watch.coming");
  assert.equal(watchWords(share(), "lost", true), "watch.lost");
  assert.equal(watchWords(share({ paused: true }), "connected", true), "watch.paused");
});
