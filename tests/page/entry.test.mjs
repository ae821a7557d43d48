import assert from "node:assert/strict";
import { test } from "node:test";

import { Entry, queueOf } from "../../resources/customer_page/entry.js";
import { digitsOf, wrongField } from "../../resources/customer_page/forms.js";
import { Keep } from "../../resources/customer_page/keep.js";
import { Language } from "../../resources/customer_page/language.js";
import { waitWords } from "../../resources/customer_page/screens.js";

test("B-11.1: an entry page's address names its queue, no other address does", () => {
  assert.deepEqual(
    ["/help/support", "/help/night-shift-2/", "/help/", "/help/Support", "/help/a--b", "/help/a/b", "/join", "/help/a%20b"].map(queueOf),
    ["support", "night-shift-2", "", "", "", "", "", ""],
  );
});

function entryWith(answers) {
  const seen = [];
  const entry = new Entry("support", {
    fetch: async () => {
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
    changed: () => seen.push(entry.state),
    now: () => 0,
  });
  return { entry, seen };
}

test("B-11.1: a closed queue is asked again by itself, so that the form comes when it opens", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const open = { ok: true, value: { name: "Support", is_open: true } };
  const { entry, seen } = entryWith([{ ok: true, value: { name: "Support", is_open: false, opens_at: 30_000 } }, open]);
  await entry.look();
  assert.deepEqual([entry.state, entry.name, entry.opensAt], ["closed", "Support", 30_000]);
  context.mock.timers.tick(30_000);
  await new Promise(setImmediate);
  assert.deepEqual(seen, ["closed", "open"]);
});

test("a relay out of reach says nothing about the queue; a queue that is not there does", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { entry, seen } = entryWith([new Error("offline"), { ok: false, code: "relay_busy" }, { ok: false, code: "queue_unknown" }]);
  await entry.look();
  context.mock.timers.tick(5_000);
  await new Promise(setImmediate);
  context.mock.timers.tick(5_000);
  await new Promise(setImmediate);
  assert.deepEqual(seen, ["asking", "asking", "unknown"]);
});

test("the entry form names the first field to mend; an e-mail address is not needed", () => {
  const form = (name, email, problem) => wrongField({ name, email, problem });
  assert.equal(form("", "", ""), "name");
  assert.equal(form("Ana", "ana", "red"), "email");
  assert.equal(form("Ana", "ana@ex ample", "red"), "email");
  assert.equal(form("Ana", "", ""), "problem");
  assert.equal(form("Ana", "", "red"), "");
  assert.equal(form("Ana", "ana@localhost", "red"), "");
});

test("a number is what is left of its spaces and dashes", () => assert.equal(digitsOf("482 119-903"), "482119903"));

test("B-12.4: the entry page brings back whoever stands in that queue's line, and nobody else", () => {
  const stored = new Map();
  const storage = { getItem: (key) => stored.get(key) ?? null, setItem: (key, value) => stored.set(key, value), removeItem: (key) => stored.delete(key) };
  const keep = new Keep(storage, storage);
  keep.save({ id: "a", number: "1", link: "", queue: "support", token: "t", name: "Ana" });
  keep.save({ id: "b", number: "2", link: "", queue: "", token: "t", name: "Ana" });
  assert.equal(keep.find({ queue: "support" }).id, "a");
  assert.equal(keep.find({ queue: "night" }), null);
  keep.saveNotes("a", [{ key: "x" }]);
  assert.deepEqual([keep.notes("a").length, keep.notes("b").length], [1, 0]);
});

test("when it opens is said in words: today, another day, or that it is not known", async () => {
  const language = new Language(async () => ({ "opens.today": "today {time}", "opens.day": "{day} {time}", "opens.unknown": "?" }), ["en-GB"]);
  await language.choose("en");
  const now = new Date(2026, 10, 22, 8, 0).getTime();
  assert.equal(language.opening(now + 3_600_000, now), "today 09:00");
  assert.match(language.opening(now + 25 * 3_600_000, now), /Monday.*23 November 09:00|Monday 23 November.* 09:00/);
  assert.equal(language.opening(null, now), "?");
});

test("B-11.2: the estimated wait in whole minutes, or unknown", async () => {
  const language = new Language(async () => ({ "queue.wait": { one: "a minute", other: "{count} minutes" }, "queue.wait_long": "long", "queue.wait_unknown": "unknown" }));
  await language.choose("en");
  assert.deepEqual(
    [undefined, null, 0, 20, 89, 90, 600, 5_400, 5_431].map((seconds) => waitWords(language, { wait_s: seconds })),
    ["unknown", "unknown", "a minute", "a minute", "a minute", "2 minutes", "10 minutes", "90 minutes", "long"],
  );
  assert.equal(waitWords(language, null), "unknown");
  assert.equal(waitWords(language, { is_open: false }), null, "that it is closed says enough, also without a time");
  assert.equal(waitWords(language, { wait_s: 60, is_open: false, opens_at: 1_900_000_000_000 }), "a minute");
});
