import assert from "node:assert/strict";
import { test } from "node:test";

import { Keep, fingerprint } from "../../resources/customer_page/keep.js";

class Store {
  all = new Map();
  getItem(key) {
    return this.all.get(key) ?? null;
  }
  setItem(key, value) {
    this.all.set(key, value);
  }
  removeItem(key) {
    this.all.delete(key);
  }
}
const kept = (id, more = {}) => ({ id, number: "482119903", link: fingerprint(`token-of-${id}`), token: `resume-${id}`, name: "Ana", ...more });

test("B-12.4: a reload, the same link and the same number lead back", () => {
  const [tab, browser] = [new Store(), new Store()];
  new Keep(tab, browser).save(kept("a"));
  assert.equal(new Keep(tab, browser).find({}).token, "resume-a");
  assert.equal(new Keep(new Store(), browser).find({ token: "token-of-a" }).token, "resume-a");
  assert.equal(new Keep(new Store(), browser).find({ number: "482119903" }).token, "resume-a");
});

test("another link is another session, even in the same tab", () => {
  const [tab, browser] = [new Store(), new Store()];
  new Keep(tab, browser).save(kept("a"));
  assert.equal(new Keep(tab, browser).find({ token: "token-of-b" }), null);
  assert.equal(new Keep(new Store(), browser).find({}), null);
});

test("the link's own token is never stored", () => {
  const [tab, browser] = [new Store(), new Store()];
  new Keep(tab, browser).save(kept("a"));
  assert.doesNotMatch([...tab.all.values(), ...browser.all.values()].join(), /token-of-a/);
});

test("the end clears everything of that session and nothing of others", () => {
  const [tab, browser] = [new Store(), new Store()];
  const keep = new Keep(tab, browser);
  keep.save(kept("a"));
  keep.save(kept("b", { number: "111111111" }));
  keep.savePending("b", [{ id: "x", text: "secret", at: 1 }]);
  keep.clear("b");
  assert.equal(keep.find({ number: "111111111" }), null);
  assert.deepEqual(keep.pending("b"), []);
  assert.equal(keep.find({ number: "482119903" }).id, "a");
});

test("what the form begins with is the tab's own, and only ever words", () => {
  const [tab, browser] = [new Store(), new Store()];
  const keep = new Keep(tab, browser);
  assert.deepEqual(keep.again, { name: "", number: "" });
  keep.again = { name: "Ana", number: "482119903", token: "secret" };
  assert.deepEqual([keep.again, browser.all.size], [{ name: "Ana", number: "482119903" }, 0]);
  assert.doesNotMatch([...tab.all.values()].join(), /secret/);
  tab.setItem("support.again", '{"name": {}, "number": 5}');
  assert.deepEqual(keep.again, { name: "", number: "" });
});

test("old and broken records are nothing, and a browser without storage is no error", () => {
  const browser = new Store();
  let now = 0;
  new Keep(new Store(), browser, () => now).save(kept("a"));
  now = 90_000_000;
  assert.equal(new Keep(null, browser, () => now).find({ token: "token-of-a" }), null);
  browser.setItem("support.sessions", "{not json");
  assert.equal(new Keep(null, browser).find({ number: "1" }), null);
  const none = new Keep(null, null);
  none.save(kept("a"));
  assert.equal(none.find({}), null);
});

test("undelivered lines are bounded, and go with the session they belong to", () => {
  const browser = new Store();
  const keep = new Keep(new Store(), browser);
  const lines = Array.from({ length: 60 }, (_, place) => ({ id: `${place}`, text: "a", at: place }));
  keep.save(kept("a"));
  keep.savePending("a", lines);
  assert.deepEqual(keep.pending("a").map((line) => line.id), lines.slice(10).map((line) => line.id));
  for (const id of ["b", "c", "d", "e"]) keep.save(kept(id));
  assert.equal(keep.pending("a").length, 50);
  keep.save(kept("f"));
  assert.equal(keep.find({ token: "token-of-a" }), null);
  assert.deepEqual(keep.pending("a"), []);
});
