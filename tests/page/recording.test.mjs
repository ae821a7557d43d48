import assert from "node:assert/strict";
import { test } from "node:test";

import { Recording } from "../../resources/customer_page/recording.js";
import { Session } from "../../resources/customer_page/session.js";
import { Story } from "../../resources/customer_page/story.js";

const person = (id, role, name) => ({ id, role, name, connection: "online", joined_at: 1 });
const view = (activities = []) => ({
  id: "s", number: "482119903", mode: "multi", state: "active", seq: 10, started_at: 1, you: "me", activities,
  participants: [person("rep", "controller", "Maria"), person("me", "primary", "Ana")],
});
const recording = (state, more = {}) => ({ id: "r1", kind: "recording", state, asked_by: "rep", subject: "me", seen_by: ["rep"], ...more });
const event = (session, activity) => session.take({ session_id: "s", seq: session.seq + 1, at: 1, fact: { type: "activity_changed", activity } });
const offline = () => Promise.reject(Object.assign(new Error("offline"), { code: "offline" }));

function visit(activities, ask = async () => ({})) {
  const session = new Session(view(activities));
  const story = Object.assign(new Story(), { phase: "inside", link: "online", session });
  const said = { asked: [], channel: [], notices: [] };
  const part = new Recording({
    story, wordsChars: 20, changed: () => {},
    ask: (name, payload) => (said.asked.push([name, payload]), ask(name)),
    say: (message) => said.channel.push(message),
    notify: (notice) => said.notices.push(notice.key),
  });
  return { session, story, part, said };
}

test("B-7.8: the question comes before everything but the browser's picker, and everybody is told when it runs", () => {
  const { session, story } = visit([]);
  event(session, recording("asked"));
  story.share = "running";
  assert.equal(story.screen, "record_asked");
  story.share = "picking";
  assert.equal(story.screen, "picking");
  story.share = "running";
  assert.deepEqual(event(session, recording("running")).map((one) => one.key), ["notice.recording"]);
  assert.equal(story.screen, "sharing");
  assert.equal(session.recording.id, "r1");
  assert.deepEqual(event(session, recording("running", { seen_by: ["rep", "x"] })), [], "said once");
  assert.deepEqual(event(session, recording("ended", { end: "stopped" })).map((one) => one.key), ["notice.recording_over"]);
  assert.equal(session.recording, null);
});

test("B-7.8: nobody else than who is asked sees the question", () => {
  const { session, story } = visit([]);
  event(session, recording("asked", { subject: "other" }));
  assert.equal(session.recordingAsked, null);
  assert.equal(story.screen, "waiting");
});

test("B-7.8: the yes is told with what was read, as much as the relay keeps", async () => {
  const { part, said, session } = visit([recording("asked")]);
  await part.answer(true, "🙂".repeat(30));
  assert.deepEqual(said.asked, [["activity.answer", { activity_id: "r1", accept: true, words: "🙂".repeat(20) }]]);
  assert.deepEqual(said.notices, ["note.recording_allowed"]);
  assert.equal(session.recordingAsked, null, "the card goes at once");
});

test("B-7.8: a yes that does not get through is asked for again; a no is told when the relay is back", async () => {
  const yes = visit([recording("asked")], offline);
  await yes.part.answer(true, "words");
  assert.equal(yes.session.recordingAsked.id, "r1");
  let there = false;
  const no = visit([recording("asked")], (name) => (there ? Promise.resolve({}) : offline(name)));
  await no.part.answer(false, "words");
  there = true;
  await no.part.tellWaiting();
  assert.deepEqual(no.said.asked.at(-1), ["activity.stop", { activity_id: "r1", reason: "denied" }]);
});

test("B-7.8: one click stops it, also while the relay is away, and is told once", async () => {
  const { part, said, session } = visit([recording("running")], offline);
  part.stop();
  part.stop();
  assert.deepEqual(said.channel, [{ type: "stop_recording" }]);
  assert.equal(part.isStopping, true);
  assert.deepEqual(said.notices, ["note.recording_stopped"]);
  await part.tellWaiting();
  assert.equal(said.asked.filter(([name]) => name === "activity.stop").length, 2, "tried again");
  event(session, recording("ended", { end: "stopped" }));
  assert.equal(part.isStopping, false);
});
