import assert from "node:assert/strict";
import { test } from "node:test";

import { Session } from "../../resources/customer_page/session.js";
import { Story } from "../../resources/customer_page/story.js";

const person = (id, role, name, connection = "online") => ({ id, role, name, connection, joined_at: 1 });
const view = (more = {}) => ({
  id: "s", number: "482119903", mode: "multi", state: "active", seq: 10, started_at: 1, you: "me",
  participants: [person("rep", "controller", "Maria"), person("me", "primary", "Ana")], activities: [], chat: [], ...more,
});
const share = (state, more = {}) => ({ id: "a", kind: "view", state, asked_by: "rep", subject: "me", seen_by: ["rep"], ...more });
const event = (seq, fact) => ({ session_id: "s", seq, at: 1, fact });
const inside = (session) => Object.assign(new Story(), { phase: "inside", link: "online", session });

test("B-7.1: a question shows as a question, an answer as a share, an end as neither", () => {
  const session = new Session(view());
  const story = inside(session);
  assert.equal(story.screen, "waiting");
  session.take(event(11, { type: "activity_changed", activity: share("asked") }));
  assert.equal(story.screen, "asked");
  session.take(event(12, { type: "activity_changed", activity: share("running") }));
  story.share = "running";
  assert.equal(story.screen, "sharing");
  const notices = session.take(event(13, { type: "activity_changed", activity: share("ended", { end: "stopped", ended_by: "rep" }) }));
  story.share = "none";
  assert.equal(story.screen, "waiting");
  assert.deepEqual(notices.map((notice) => notice.key), ["notice.share_over"]);
});

test("a question about somebody else's screen is none for me", () => {
  const session = new Session(view());
  session.take(event(11, { type: "activity_changed", activity: share("asked", { subject: "other" }) }));
  assert.equal(session.asked, null);
});

test("events that are not newer are duplicates", () => {
  const session = new Session(view());
  const joined = { type: "participant_joined", participant: person("dan", "assistant", "Dan") };
  assert.equal(session.take(event(10, joined)).length, 0);
  assert.equal(session.people.has("dan"), false);
  assert.equal(session.take(event(12, joined)).length, 1);
  assert.equal(session.take(event(12, { type: "session_ended", reason: "expired" })).length, 0);
  assert.equal(session.state, "active");
});

test("B-2.6: the consent names everybody who will see, the one in charge first", () => {
  const people = [person("dan", "assistant", "Dan"), person("rep", "controller", "Maria"), person("me", "primary", "Ana"), person("w", "waiting", "Ion")];
  const session = new Session(view({ participants: people, activities: [share("asked", { seen_by: ["dan", "rep"] })] }));
  assert.deepEqual(session.audience(session.asked), ["Maria", "Dan"]);
});

test("B-2.6: whoever joins while something is shared is announced by name", () => {
  const session = new Session(view({ activities: [share("running")] }));
  const notices = session.take(event(11, { type: "participant_joined", participant: person("dan", "assistant", "Dan") }));
  assert.deepEqual(notices, [{ key: "notice.joined_sees", places: { name: "Dan" }, tone: "live" }]);
});

test("somebody who waits at the door is not announced", () => {
  const session = new Session(view({ activities: [share("running")] }));
  assert.deepEqual(session.take(event(11, { type: "participant_joined", participant: person("x", "waiting", "X") })), []);
});

test("B-12.5: a resumed session keeps the lines it had and adds the newer ones", () => {
  const line = (seq, text) => ({ id: `l${seq}`, seq, at: seq, sender: "rep", sender_name: "Maria", text });
  const session = new Session(view({ chat: [line(3, "a")] }));
  session.replace(view({ seq: 20, chat: [line(15, "b")] }));
  assert.deepEqual(session.lines.map((each) => each.text), ["a", "b"]);
});

test("B-12.5: the strip says in words what the connection is worth", () => {
  const session = new Session(view());
  const story = inside(session);
  assert.equal(story.connection.key, "strip.connected");
  story.link = "lost";
  assert.equal(story.connection.key, "strip.lost");
  story.link = "online";
  const notices = session.take(event(11, { type: "participant_connection", participant_id: "rep", connection: "lost" }));
  assert.equal(notices[0].key, "notice.lost");
  assert.equal(story.connection.key, "strip.rep_lost");
  session.take(event(12, { type: "participant_connection", participant_id: "rep", connection: "online" }));
  story.share = "running";
  story.hub = "lost";
  assert.equal(story.connection.key, "strip.no_picture");
});

test("B-12.4: closing the page deserves a warning inside a session only", () => {
  const story = inside(new Session(view()));
  assert.equal(story.warnsOnClosing, true);
  story.finish("left");
  assert.equal(story.warnsOnClosing, false);
  assert.equal(story.screen, "over");
});

test("B-2.5: a customer who is not let in yet sees nothing but that", () => {
  const story = inside(new Session(view({ participants: [person("me", "waiting", "Ana")] })));
  assert.equal(story.screen, "let_in");
});

test("an unknown fact of a newer relay is ignored", () => {
  const session = new Session(view());
  assert.deepEqual(session.take(event(11, { type: "weather_changed" })), []);
  assert.equal(session.seq, 11);
});

test("the newest line of a chat that is longer than any call may have arguments", () => {
  const session = new Session(view());
  assert.equal(session.lastLine, 0);
  for (let seq = 1; seq <= 300_000; seq += 1) session.chat.set(seq, { seq });
  assert.equal(session.lastLine, 300_000);
});

test("B-9.2: what was drawn across during a break is the news, and not what was before it", () => {
  const mark = (seq, kind, name, former) => ({ seq, at: 1, kind, name, former, queue: "" });
  const session = new Session(view());
  session.take(event(11, { type: "mark_added", mark: mark(11, "control", "Dan", "Maria") }));
  session.replace(view({ seq: 11, marks: [mark(11, "control", "Dan", "Maria")] }));
  assert.equal(session.news.name, "Dan");
  session.replace(view({ seq: 14, marks: [mark(11, "control", "Dan", "Maria"), mark(14, "control", "Ion", "Dan")] }));
  assert.deepEqual([session.news.name, session.news.former], ["Ion", "Dan"]);
  assert.equal(new Session(view({ seq: 14, marks: [mark(14, "control", "Ion", "Dan")] })).news, null, "after a reload it is no news");
});
