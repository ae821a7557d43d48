import assert from "node:assert/strict";
import { test } from "node:test";

import { Keep } from "../../resources/customer_page/keep.js";
import { Language } from "../../resources/customer_page/language.js";
import { Story } from "../../resources/customer_page/story.js";
import { Visit } from "../../resources/customer_page/visit.js";

const limits = { heartbeat_s: 1, dead_peer_s: 3, words_chars: 100 };

/** A visit with a kept way back (unless `more` of it is null), on a line whose answers are given by `answer`. */
function visitWith(answer, more = {}) {
  const listeners = new Map();
  const asked = [];
  const wire = {
    isUp: true,
    on: (name, listener) => listeners.set(name, listener),
    connect: () => listeners.get("up")(),
    close: () => {},
    request: async (event) => {
      asked.push(event);
      return answer(event);
    },
  };
  const stored = new Map();
  const storage = { getItem: (key) => stored.get(key) ?? null, setItem: (key, value) => stored.set(key, value), removeItem: (key) => stored.delete(key) };
  const keep = new Keep(storage, storage);
  if (more) keep.save({ id: "s", number: "123456789", link: "", token: "not a token", name: "Ana", shared: false, ...more });
  const story = new Story();
  const visit = new Visit({
    protocol: { media_lines: [], channel_label: "control", limits },
    wire, keep, story, language: new Language(async () => ({})), media: null, report: { network: "unknown" }, linkToken: null,
    changed: () => {}, notify: () => {},
  });
  return { visit, story, keep, asked, listeners, stored };
}

const refused = (code) => () => Promise.reject(Object.assign(new Error(code), { code }));

test("a way back that the relay cannot even read is forgotten, and the customer is asked for his name", async () => {
  for (const code of ["resume_refused", "bad_message", "not_allowed"]) {
    const { visit, story, keep, asked } = visitWith(refused(code));
    visit.start();
    await new Promise(setImmediate);
    assert.deepEqual([story.phase, keep.find({}), asked], ["join", null, ["session.resume"]], code);
  }
});

test("whoever leaves and comes again finds his number and his name in the form, and no token was kept", async () => {
  const view = {
    session: {
      id: "s", number: "123456789", mode: "multi", state: "active", seq: 1, started_at: 1, you: "me", waiting_for: null,
      participants: [{ id: "me", role: "primary", name: "Ana", connection: "online", joined_at: 1 }],
    },
    ice: { servers: [] },
    resume_token: "the next token",
  };
  for (const [more, number] of [[{}, "123456789"], [{ link: "a1b2" }, ""], [{ queue: "support" }, ""]]) {
    const { visit, story, keep, stored } = visitWith((event) => (event === "session.resume" ? view : {}), more);
    visit.start();
    await new Promise(setImmediate);
    assert.equal(story.screen, "waiting");
    await visit.leave();
    assert.deepEqual(keep.again, { name: "Ana", number });
    assert.doesNotMatch([...stored.values()].join(), /token/);
    keep.save({ id: "t", number: "987654321", token: "another token", name: "Ana" });
    assert.deepEqual(keep.again, { name: "", number: "" }, "once he is in, it is forgotten");
  }
});

test("the site's own bounds stand in place of the protocol's", () => {
  const { visit, listeners } = visitWith(refused("relay_busy"));
  listeners.get("welcome")({ site: { company: "", without_controller_s: 75, file_bytes: 4_000 }, now: 0 });
  assert.deepEqual([visit.limits.session_without_controller_s, visit.limits.file_bytes, visit.limits.words_chars], [75, 4_000, 100]);
});

test("whoever is refused for the moment need not type it all again", async () => {
  for (const code of ["session_taken", "session_locked"]) {
    const { visit, story, keep } = visitWith(refused(code), null);
    visit.start();
    await visit.coming.join("Ana", "123456789");
    assert.deepEqual([story.phase, keep.again], ["over", { name: "Ana", number: "123456789" }], code);
  }
});

test("a relay that is busy for a moment costs nobody his way back", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { visit, story, keep, asked } = visitWith(refused("relay_busy"));
  visit.start();
  await new Promise(setImmediate);
  context.mock.timers.tick(2_000);
  await new Promise(setImmediate);
  assert.equal(story.phase, "start");
  assert.equal(keep.find({}).id, "s");
  assert.deepEqual(asked, ["session.resume", "session.resume"]);
});

test("B-2.5: whoever is let in while the relay is busy gets to know everybody a moment later", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const one = (id, role) => ({ id, role, name: id, connection: "online", joined_at: 1 });
  const view = (seq, ...participants) => ({
    session: { id: "s", number: "123456789", mode: "single", state: "active", seq, started_at: 1, you: "me", participants, waiting_for: null },
    ice: { servers: [] },
  });
  const answers = [
    () => view(1, one("me", "waiting")),
    () => Promise.reject(Object.assign(new Error("busy"), { code: "relay_busy" })),
    () => view(3, one("me", "secondary"), one("Vlad", "primary")),
  ];
  const { visit, story, listeners } = visitWith((event) => (event === "session.resume" ? answers.shift()() : {}));
  visit.start();
  await new Promise(setImmediate);
  assert.equal(story.screen, "let_in");
  listeners.get("session.event")({ session_id: "s", seq: 2, at: 1, fact: { type: "participant_changed", participant: one("me", "secondary") } });
  await new Promise(setImmediate);
  context.mock.timers.tick(2_000);
  await new Promise(setImmediate);
  assert.equal(story.session.primaryName, "Vlad");
});
