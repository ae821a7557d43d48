import assert from "node:assert/strict";
import { test } from "node:test";

import { After } from "../../resources/customer_page/after.js";
import { Elements } from "../../resources/customer_page/elements.js";
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
    connect: () => wire.isUp && listeners.get("up")(),
    close: () => {},
    request: async (event, payload) => {
      if (!wire.isUp) throw Object.assign(new Error("offline"), { code: "offline" });
      asked.push(event);
      return answer(event, payload);
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
  return { visit, story, keep, asked, listeners, stored, wire };
}

const refused = (code) => () => Promise.reject(Object.assign(new Error(code), { code }));

/** The relay's answer to whoever comes in or back. */
const inside = (token) => ({
  session: {
    id: "s", number: "123456789", mode: "multi", state: "active", seq: 1, started_at: 1, you: "me", waiting_for: null,
    participants: [{ id: "me", role: "primary", name: "Ana", connection: "online", joined_at: 1 }],
  },
  ice: { servers: [] },
  resume_token: token,
});

/** A relay that takes only these tokens, and gives the next one for each. */
const relayTaking = (tokens) => (event, payload) =>
  event !== "session.resume" ? {} : tokens[payload.resume_token] ? inside(tokens[payload.resume_token]) : refused("resume_refused")();

test("a way back that the relay cannot even read is forgotten, and the customer is asked for his name", async () => {
  for (const code of ["resume_refused", "bad_message", "not_allowed"]) {
    const { visit, story, keep, asked } = visitWith(refused(code));
    visit.start();
    await new Promise(setImmediate);
    assert.deepEqual([story.phase, keep.find({}), asked], ["join", null, ["session.resume"]], code);
  }
});

test("whoever leaves and comes again finds his number and his name in the form, and no token was kept", async () => {
  const view = inside("the next token");
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

test("B-12.4: whoever types his number again while the line is away comes back once it is there", async () => {
  const taken = (event) => refused(event === "session.resume" ? "resume_refused" : "session_taken")();
  for (const [relay, last, events] of [
    [relayTaking({ "token 1": "token 2" }), "waiting", ["session.resume"]],
    [taken, "over", ["session.resume", "session.join"]],
  ]) {
    const { visit, story, keep, asked, wire, listeners } = visitWith(relay, { token: "token 1" });
    keep.leaveTab();
    wire.isUp = false;
    visit.start();
    await visit.coming.join("Ana", "123456789");
    assert.deepEqual([story.phase, asked], ["joining", []]);
    wire.isUp = true;
    listeners.get("up")();
    await new Promise(setImmediate);
    assert.deepEqual([story.screen, asked.filter((event) => event.startsWith("session."))], [last, events]);
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

/** A tab in the session whose line broke; another one went on with it until the token of this one held no longer. */
async function sleptThrough() {
  const tab = visitWith(relayTaking({ "token 1": "token 2" }), { token: "token 1" });
  tab.visit.start();
  await new Promise(setImmediate);
  assert.equal(tab.story.screen, "waiting");
  tab.wire.isUp = false;
  tab.listeners.get("down")();
  tab.keep.save({ id: "s", number: "123456789", link: "", token: "token 4", name: "Ana", shared: false });
  tab.keep.savePending("s", [{ id: "l", text: "not sent yet", at: 1 }]);
  return tab;
}

test("B-12.1: a tab that slept says that the session goes on in another one, and leaves to that one its way back", async () => {
  const { story, keep, wire, listeners, stored } = await sleptThrough();
  wire.isUp = true;
  listeners.get("up")();
  await new Promise(setImmediate);
  assert.deepEqual([story.screen, story.over.why], ["over", "replaced"]);
  assert.equal(stored.has("support.here"), false, "this tab is in it no longer");
  assert.equal(keep.find({ number: "123456789" }).token, "token 4");
  assert.equal(keep.pending("s").length, 1);
});

test("B-12.4: what a tab that slept remembers of its share does not take the other one's way back", async () => {
  const { visit, keep } = await sleptThrough();
  visit.sharing.forgetShare();
  assert.equal(keep.find({ number: "123456789" }).token, "token 4");
});

test("B-12.4: leaving in a tab that slept takes neither the other one's way back nor its messages", async () => {
  const { visit, story, keep, stored } = await sleptThrough();
  await visit.leave();
  assert.equal(story.screen, "over");
  assert.equal(stored.has("support.here"), false, "this tab is in it no longer");
  assert.equal(keep.find({ number: "123456789" }).token, "token 4");
  assert.equal(keep.pending("s").length, 1);
});

test("B-12.4: a page that is not in yet goes on with what another tab has kept since", async () => {
  const { visit, story, keep, wire, listeners } = visitWith(relayTaking({ "token 4": "token 5" }), { token: "token 1" });
  wire.isUp = false;
  visit.start();
  keep.save({ id: "s", number: "123456789", link: "", token: "token 4", name: "Ana", shared: false });
  wire.isUp = true;
  listeners.get("up")();
  await new Promise(setImmediate);
  assert.equal(story.screen, "waiting");
  assert.equal(keep.find({}).token, "token 5");
});

/** Elements as far as a screen after the end needs them. */
class Element {
  children = [];
  append(...children) {
    this.children.push(...children);
  }
  setAttribute() {}
  find(id) {
    return this.id === id ? this : this.children.map((child) => child?.find?.(id)).find(Boolean);
  }
}

test("B-12.4: whoever came by number goes on here instead, and the other tab gives way", async (context) => {
  context.after(() => {
    delete globalThis.document;
    delete globalThis.location;
  });
  const { visit, story, keep, listeners } = visitWith(relayTaking({ "token 1": "token 2" }), { token: "token 1" });
  visit.start();
  await new Promise(setImmediate);
  listeners.get("session.replaced")({ session_id: "s" });
  assert.deepEqual([story.over.why, keep.find({})], ["replaced", null], "a reload of his own stays out");
  let reloads = 0;
  globalThis.document = { createElement: () => new Element() };
  globalThis.location = { reload: () => (reloads += 1) };
  const language = new Language(async () => ({ "over.replaced.title": "It goes on there" }));
  await language.choose("en");
  const over = new Element();
  over.append(...new After(new Elements(visit, language), () => {}).over());
  over.find("over-use_here").onclick();
  assert.deepEqual([reloads, keep.find({})?.token], [1, "token 2"]);
});
