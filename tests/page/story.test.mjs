import assert from "node:assert/strict";
import { test } from "node:test";

import { Session } from "../../resources/customer_page/session.js";
import { Story } from "../../resources/customer_page/story.js";

const LIMITS = { controller_lost_s: 60, session_without_controller_s: 600 };
const person = (id, role, name, connection = "online") => ({ id, role, name, connection, joined_at: 1 });
const view = (more = {}) => ({
  id: "s", number: "482119903", mode: "single", state: "active", seq: 10, started_at: 1, you: "me",
  participants: [person("rep", "controller", "Maria"), person("me", "primary", "Ana")], ...more,
});
const event = (seq, fact, at = 1) => ({ session_id: "s", seq, at, fact });
const inside = (session) => Object.assign(new Story(), { phase: "inside", link: "online", session });
const lost = (session) => session.take(event(11, { type: "participant_connection", participant_id: "rep", connection: "lost" }, 1_000));

test("B-2.5: who waits to be let in reads only that, whatever else there is", () => {
  const session = new Session(view({ participants: [person("me", "waiting", "Ana")], waiting_for: "limit", state: "queued" }));
  const story = inside(session);
  assert.equal(story.screen, "let_in");
  assert.equal(story.connection.key, "strip.let_in");
  assert.equal(session.waitingFor, "limit");
});

test("B-10.3: a session on its way shows where to, and an accepted one whom", () => {
  const session = new Session(view());
  const story = inside(session);
  const on = (state, transfer) => session.take(event(session.seq + 1, { type: "session_changed", state, transfer }));
  on("offered", { to: "agents", since: 1, former: "Maria" });
  assert.equal(story.screen, "passed_on");
  session.place = { place: 2 };
  on("queued", { to: "queue", since: 1, queue_name: "Support", former: "Maria" });
  assert.equal(story.screen, "queued");
  assert.equal(session.place.place, 2);
  on("active");
  assert.equal(story.screen, "waiting");
  assert.deepEqual([session.place, session.transfer], [null, null]);
});

test("B-10.4: who accepts a session on its way is told of once", () => {
  const session = new Session(view({ state: "queued", participants: [person("me", "primary", "Ana")] }));
  const take = (fact) => session.take(event(session.seq + 1, fact)).map((notice) => notice.key);
  const told = [
    ...take({ type: "participant_joined", participant: person("dan", "controller", "Dan") }),
    ...take({ type: "mark_added", mark: { seq: 12, at: 1, kind: "accepted", name: "Dan" } }),
    ...take({ type: "session_changed", state: "active" }),
  ];
  assert.deepEqual(told, ["mark.accepted"]);
  assert.equal(session.repName, "Dan");
  assert.deepEqual(take({ type: "participant_joined", participant: person("eva", "assistant", "Eva") }), ["notice.joined"]);
});

test("B-12.6: each step of a lost rep's session, alone, from a queue, with an assistant", () => {
  const steps = (more) => {
    const session = new Session(view(more));
    const story = inside(session);
    assert.equal(story.lostStep(0, LIMITS), null);
    lost(session);
    return [1_000, 60_999, 61_000].map((now) => story.lostStep(now, LIMITS).step);
  };
  assert.deepEqual(steps(), ["soon_alone", "soon_alone", "late_alone"]);
  const marks = [{ seq: 1, at: 1, kind: "queued", queue: "Support" }];
  assert.deepEqual(steps({ marks }), ["soon_queue", "soon_queue", "late_queue"]);
  const participants = [...view().participants, person("dan", "assistant", "Dan")];
  assert.deepEqual(steps({ participants }), ["soon_helper", "soon_helper", "late_helper"]);
  assert.deepEqual(steps({ participants, marks }), ["soon_helper", "soon_helper", "late_helper_queue"]);
  participants[2] = person("dan", "assistant", "Dan", "lost");
  assert.deepEqual(steps({ participants }), ["soon_alone", "soon_alone", "late_alone"]);
});

test("B-12.6: when it ends is counted from the loss, also after a snapshot", () => {
  const session = new Session(view());
  const story = inside(session);
  lost(session);
  session.replace(view({ participants: [person("rep", "controller", "Maria", "lost"), person("me", "primary", "Ana")] }));
  assert.equal(story.lostStep(5_000, LIMITS).ends, 601_000);
  assert.equal(story.lostStep(5_000, { ...LIMITS, session_without_controller_s: 60 }).ends, 61_000);
  session.take(event(12, { type: "participant_connection", participant_id: "rep", connection: "online" }, 9_000));
  assert.equal(story.lostStep(9_000, LIMITS), null);
});

test("B-9.2: control that moves is news until somebody asks for something", () => {
  const session = new Session(view({ participants: [...view().participants, person("dan", "assistant", "Dan")] }));
  session.take(event(11, { type: "participant_changed", participant: person("rep", "assistant", "Maria") }));
  session.take(event(12, { type: "participant_changed", participant: person("dan", "controller", "Dan") }));
  const told = session.take(event(13, { type: "mark_added", mark: { seq: 13, at: 1, kind: "control", name: "Dan", former: "Maria" } }));
  assert.deepEqual(told, [{ key: "mark.control", places: { name: "Dan", former: "Maria", queue: "" }, mark: true }]);
  assert.equal(session.repName, "Dan");
  assert.equal(session.news.kind, "control");
  session.take(event(14, { type: "activity_changed", activity: { id: "a", kind: "view", state: "asked", subject: "me", asked_by: "dan" } }));
  assert.equal(session.news, null);
  assert.deepEqual(session.everybody.map((one) => one.name), ["Dan", "Maria", "Ana"]);
  assert.deepEqual([...session.met.get("rep").roles], ["controller", "assistant"]);
});

test("B-5.3, B-9.4: a share that nobody chose to end says why it ended, a question that went with it says nothing twice", () => {
  const ends = { control_transferred: "notice.share_over_control", session_transferred: "notice.share_over_transfer", customer_switched: "notice.share_over_customer" };
  for (const [end, key] of Object.entries(ends)) {
    const session = new Session(view());
    const share = (state, more) => ({ type: "activity_changed", activity: { id: "a", kind: "view", state, subject: "me", asked_by: "rep", ...more } });
    session.take(event(11, share("running")));
    assert.deepEqual(session.take(event(12, share("ended", { end, ended_by: "rep" }))).map((notice) => notice.key), [key]);
    session.take(event(13, share("asked")));
    assert.deepEqual(session.take(event(14, share("ended", { end, ended_by: "rep" }))), []);
  }
});

test("B-2.6: who is let in is announced, who only changes is not", () => {
  const session = new Session(view());
  const told = session.take(event(11, { type: "participant_changed", participant: person("vlad", "secondary", "Vlad") }));
  assert.deepEqual(told.map((notice) => notice.key), ["notice.joined"]);
  assert.deepEqual(session.take(event(12, { type: "participant_changed", participant: person("vlad", "primary", "Vlad") })), []);
});

test("an entry page shows form, closed state or plain words", () => {
  const story = Object.assign(new Story(), { phase: "enter" });
  const screens = ["asking", "open", "closed", "unknown"].map((entry) => Object.assign(story, { entry }).screen);
  assert.deepEqual(screens, ["starting", "enter", "closed", "no_queue"]);
});
