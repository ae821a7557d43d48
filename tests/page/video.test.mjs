import assert from "node:assert/strict";
import { test } from "node:test";

import { Session } from "../../resources/customer_page/session.js";
import { Story } from "../../resources/customer_page/story.js";
import { Video } from "../../resources/customer_page/video.js";

const person = (id, role, name) => ({ id, role, name, connection: "online", joined_at: 1 });
const camera = (state, more = {}) => ({ id: "c1", kind: "video", state, asked_by: "rep", subject: "me", seen_by: ["rep"], ...more });

/** A page with a camera that a test breaks, and a relay that a test answers for. */
function stage({ failure = null, role = "primary", activities = [] } = {}) {
  const session = new Session({
    id: "s", number: "482119903", mode: "single", state: "active", seq: 10, started_at: 1, you: "me", activities,
    participants: [person("rep", "controller", "Maria"), person("me", role, "Ana")],
  });
  const story = Object.assign(new Story(), { phase: "inside", link: "online", session });
  const asked = [];
  const told = [];
  const tracks = [];
  const hub = { shown: null, cameraLevel: "full", setCamera: async (track) => void (hub.shown = track), ensure: () => {} };
  const made = { failure, answer: async () => ({ activity_id: "c1" }) };
  const media = {
    getUserMedia: async () => {
      if (made.failure) throw made.failure;
      const track = {
        readyState: "live", listeners: [], getSettings: () => ({ deviceId: "front" }),
        addEventListener: (_, listener) => track.listeners.push(listener),
        stop: () => (track.readyState = "ended"),
      };
      tracks.push(track);
      return { getVideoTracks: () => [track], getTracks: () => [track] };
    },
    enumerateDevices: async () => [{ kind: "videoinput", deviceId: "front", label: "Front" }, { kind: "audioinput", deviceId: "x" }],
  };
  const video = new Video({
    story, media, hub, wordsChars: 100, changed: () => {}, present: () => true,
    notify: (notice) => told.push(notice.key),
    ask: async (event, payload) => {
      asked.push([event, payload]);
      return made.answer(event);
    },
  });
  return { video, story, session, hub, asked, told, tracks, made };
}

const named = (name, message = "") => Object.assign(new Error(message), { name });

test("B-7.6 nothing is shown before the relay has said yes", async () => {
  const { video, story, hub, asked, made, tracks } = stage();
  let yes = null;
  made.answer = () => new Promise((resolve) => (yes = resolve));
  const showing = video.show("words");
  await new Promise(setImmediate);
  assert.equal(hub.shown, null);
  assert.deepEqual(asked[0], ["activity.offer", { request_id: asked[0][1].request_id, kind: "video" }]);
  yes({ activity_id: "c1" });
  await showing;
  assert.equal(hub.shown, tracks[0]);
  assert.equal(story.camera, "running");
  assert.deepEqual(video.choices, [{ id: "front", name: "Front" }]);
});

test("B-7.6 asked and refused: the camera is never touched", async () => {
  const { video, session, asked, tracks, told } = stage({ activities: [camera("asked")] });
  await video.refuse("words");
  assert.deepEqual(asked, [["activity.answer", { activity_id: "c1", accept: false, words: "words" }]]);
  assert.equal(tracks.length, 0);
  assert.equal(session.myCamera("asked"), null);
  assert.deepEqual(told, ["note.camera_refused"]);
});

test("a camera that cannot be had is a no with a sentence, and the session goes on", async () => {
  const { video, story, asked } = stage({ failure: named("NotReadableError"), activities: [camera("asked")] });
  await video.show("words");
  assert.deepEqual([story.camera, story.cameraHint, story.phase], ["none", "camera.busy", "inside"]);
  assert.equal(asked[0][1].accept, false);
});

test("whoever only closed the browser's question is still asked", async () => {
  const { video, story, session, asked } = stage({ failure: named("NotAllowedError", "Permission dismissed"), activities: [camera("asked")] });
  await video.show("words");
  assert.equal(story.cameraHint, "camera.dismissed");
  assert.equal(session.myCamera("asked")?.id, "c1");
  assert.equal(asked.length, 0);
});

test("unplugged in the middle: off here, told to the relay and to the customer", async () => {
  const { video, story, hub, asked, told, tracks } = stage();
  await video.show("words");
  tracks[0].listeners.forEach((listener) => listener());
  await new Promise(setImmediate);
  assert.deepEqual([story.camera, story.cameraHint, hub.shown], ["none", "camera.gone", null]);
  assert.deepEqual(asked.at(-1), ["activity.stop", { activity_id: "c1", reason: "source_ended" }]);
  assert.ok(told.includes("camera.gone"));
});

test("B-7.6 stopped by the rep, it is off in the browser too", async () => {
  const { video, story, session, tracks } = stage();
  await video.show("words");
  session.take({ seq: 11, at: 1, fact: { type: "activity_changed", activity: camera("running", { asked_by: "me" }) } });
  video.reconcile();
  assert.equal(story.camera, "running");
  const [notice] = session.take({ seq: 12, at: 2, fact: { type: "activity_changed", activity: camera("ended", { end: "stopped", ended_by: "rep" }) } });
  assert.equal(notice.key, "notice.camera_over");
  video.reconcile();
  assert.deepEqual([story.camera, tracks[0].readyState], ["none", "ended"]);
});

test("B-7.6: a question for the camera that is taken back is not told as one for the screen", () => {
  const { session } = stage({ activities: [camera("asked")] });
  const [notice] = session.take({ seq: 11, at: 1, fact: { type: "activity_changed", activity: camera("ended", { end: "cancelled", ended_by: "rep" }) } });
  assert.equal(notice.key, "notice.camera_ask_taken_back");
});

test("B-1.2: who is not helped any more shows nothing", async () => {
  const { video, story, session, tracks } = stage();
  await video.show("words");
  session.take({ seq: 11, at: 1, fact: { type: "activity_changed", activity: camera("running", { asked_by: "me" }) } });
  session.take({ seq: 12, at: 1, fact: { type: "participant_changed", participant: person("me", "secondary", "Ana") } });
  video.reconcile();
  assert.deepEqual([story.camera, tracks[0].readyState, video.may], ["none", "ended", false]);
});

test("after a reload the relay is told that nothing is shown", async () => {
  const { video, asked } = stage({ activities: [camera("running")] });
  video.reconcile();
  await new Promise(setImmediate);
  assert.deepEqual(asked, [["activity.stop", { activity_id: "c1", reason: "page_reloaded" }]]);
});

test("taken back while the browser was asking: the camera goes out again", async () => {
  const { video, story, session, made, tracks } = stage({ activities: [camera("asked")] });
  const showing = video.show("words");
  session.take({ seq: 11, at: 1, fact: { type: "activity_changed", activity: camera("ended", { end: "cancelled", ended_by: "rep" }) } });
  await showing;
  assert.ok(made);
  assert.deepEqual([story.camera, tracks[0].readyState], ["none", "ended"]);
});

test("when the line has no room for it everybody is told, once", async () => {
  const { video, hub, asked } = stage();
  await video.show("words");
  hub.cameraLevel = "none";
  video.tellPaused();
  video.tellPaused();
  await new Promise(setImmediate);
  hub.cameraLevel = "low";
  video.tellPaused();
  assert.deepEqual(asked.slice(1).map(([event, { paused }]) => [event, paused]), [["activity.update", true], ["activity.update", false]]);
});

test("what was told while the relay was away is told again once it is back", async () => {
  const { video, hub, asked, made } = stage();
  await video.show("words");
  made.answer = async () => Promise.reject(Object.assign(new Error("offline"), { code: "offline" }));
  hub.cameraLevel = "none";
  video.tellPaused();
  await new Promise(setImmediate);
  made.answer = async () => ({});
  video.tellPaused(false); // back, and the relay knows of no pause
  video.tellPaused(true); // back once more, and it does
  await new Promise(setImmediate);
  assert.deepEqual(asked.slice(1).map(([event, { paused }]) => [event, paused]), [["activity.update", true], ["activity.update", true]]);
});

test("the question comes before everything but the browser's own", () => {
  const { story } = stage({ activities: [camera("asked")] });
  assert.equal(story.screen, "camera_asked");
  story.share = "running";
  assert.equal(story.screen, "camera_asked");
  story.share = "picking";
  assert.equal(story.screen, "picking");
});

test("B-7.6 somebody else's camera is stopped here at once, and at the relay when it can be told", async () => {
  const hers = camera("running", { id: "c7", subject: "rep", seen_by: ["me"] });
  const { video, session, asked, made } = stage({ activities: [hers] });
  made.answer = async () => {
    throw Object.assign(new Error("offline"), { code: "offline" });
  };
  await video.stopOf("c7");
  assert.deepEqual(session.othersCameras, []);
  made.answer = async () => ({});
  await video.tellWaiting();
  assert.deepEqual(asked.at(-1), ["activity.stop", { activity_id: "c7", reason: "stopped" }]);
  const told = asked.length;
  await video.tellWaiting();
  assert.equal(asked.length, told, "once");
});
