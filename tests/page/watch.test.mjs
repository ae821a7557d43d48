import assert from "node:assert/strict";
import { test } from "node:test";

import { Session } from "../../resources/customer_page/session.js";
import { bearsInk, watchWords } from "../../resources/customer_page/watch.js";

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

test("B-7.3: only of the rep's whole screen, while it moves, does the picture bear what is drawn on it", () => {
  const show = (changes) => bearsInk(share({ kind: "show", source: "monitor", ...changes }));
  assert.equal(show(), true);
  assert.equal(show({ paused: true }), false);
  assert.equal(show({ source: "window" }), false);
  assert.equal(show({ source: undefined }), false);
  assert.equal(show({ kind: "view" }), false, "what a customer shows is drawn on by the rep's app alone");
});

test("B-7.2: the rep's screen is watched like any other, and that it begins and ends is said", () => {
  const people = [{ id: "m", role: "controller", name: "Maria", connection: "online", joined_at: 1 }, { id: "eva", role: "primary", name: "Eva", connection: "online", joined_at: 2 }];
  const own = new Session({ id: "s", number: "1", state: "active", you: "eva", seq: 1, participants: people, activities: [] });
  const show = share({ kind: "show", subject: "m", seen_by: ["eva"] });
  const take = (seq, activity) => own.take({ session_id: "s", seq, at: 1, fact: { type: "activity_changed", activity } });
  assert.deepEqual(take(2, show), [{ key: "notice.rep_shows", places: { name: "Maria" }, silent: true }]);
  assert.equal(own.watched.id, "a1");
  assert.equal(own.isShowing("m"), true);
  assert.equal(own.running, null, "it is not this customer's own");
  assert.deepEqual(take(3, { ...show, paused: true }), [], "said over the picture");
  assert.deepEqual(take(4, { ...show, state: "ended", end: "stopped" }).map((one) => one.key), ["notice.rep_shows_over"]);
  assert.equal(own.watched, null);
  assert.equal(watchWords(show, "connected", true), "watch.rep");
});
