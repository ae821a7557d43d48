import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Voice, microphoneFailure } from "../../resources/customer_page/voice.js";

/** A browser's microphones: `refusal` is the name of the error that it answers with. */
class Media extends EventTarget {
  refusal = "";
  tracks = [];

  async getUserMedia() {
    if (this.refusal) throw Object.assign(new Error("refused"), { name: this.refusal });
    const track = Object.assign(new EventTarget(), { enabled: true, stopped: false, stop: () => (track.stopped = true) });
    this.tracks.push(track);
    return { getAudioTracks: () => [track], getTracks: () => [track] };
  }

  async enumerateDevices() {
    return [];
  }
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

async function inACall() {
  const media = new Media();
  const sent = [], told = [], asked = [];
  const session = {
    you: "c", me: { role: "primary" }, rep: { connection: "online" }, isOnItsWay: false, repName: "Ana",
    people: new Map(), activities: new Map([["a1", { id: "a1", kind: "voice", state: "running", subject: "c" }]]),
  };
  const voice = new Voice({
    story: { session, phase: "inside" }, media,
    hub: { setVoice: (track) => sent.push(track), ensure() {}, sound: null },
    ask: async (event, payload) => (asked.push([event, payload.paused]), {}), present: () => true, changed() {}, notify: ({ key }) => told.push(key),
  });
  await voice.join();
  await settled();
  assert.equal(voice.state, "running");
  return { media, voice, sent, told, asked, session };
}

test("who mutes himself while the relay is away is muted for everybody once it is back", async () => {
  const { voice, asked, session } = await inACall();
  const known = asked.length;
  voice.mute(true); // nobody hears of this
  voice.tellMuted();
  assert.deepEqual(asked.slice(known), [["activity.update", true], ["activity.update", true]]);
  session.activities.get("a1").paused = true;
  voice.tellMuted();
  assert.equal(asked.length, known + 2);
});

async function pulledOut({ media }, refusal) {
  media.refusal = refusal;
  media.tracks.at(-1).dispatchEvent(new Event("ended"));
  await settled();
}

test("where another microphone is there it is used, and that is said", async () => {
  const call = await inACall();
  await pulledOut(call, "");
  assert.deepEqual(call.told, ["voice.other"]);
  assert.equal(call.sent.at(-1), call.media.tracks[1]);
  assert.equal(call.voice.hint, "");
});

test("a microphone that is plugged in again is used again by itself, once, and as muted as before", async () => {
  const call = await inACall();
  call.voice.mute(true);
  await pulledOut(call, "NotFoundError");
  assert.deepEqual([call.voice.hint, call.voice.state, call.sent.at(-1)], ["voice.lost", "running", null]);
  call.media.dispatchEvent(new Event("devicechange")); // something else came
  await settled();
  assert.deepEqual(call.told, ["voice.lost"], "said once");
  call.media.refusal = "";
  call.media.dispatchEvent(new Event("devicechange"));
  call.media.dispatchEvent(new Event("devicechange"));
  await settled();
  assert.deepEqual([call.told.at(-1), call.told.length, call.voice.hint], ["voice.back", 2, ""]);
  assert.equal(call.voice.track.enabled, false);
  assert.equal(call.sent.at(-1), call.voice.track);
  const open = call.media.tracks.slice(1).filter(({ stopped }) => !stopped);
  assert.deepEqual(open, [call.voice.track], "no microphone is open twice");
});

test("one who left meanwhile has his microphone shut, whatever is plugged in", async () => {
  const call = await inACall();
  await pulledOut(call, "NotFoundError");
  call.voice.leave();
  call.media.refusal = "";
  call.media.dispatchEvent(new Event("devicechange"));
  await settled();
  assert.equal(call.voice.state, "none");
  assert.equal(call.media.tracks.length, 1);
});

test("a yes is to the question it was given to: one that was taken back or put anew meanwhile opens no call", async () => {
  for (const next of [null, { id: "a2", kind: "voice", state: "asked", subject: "c", asked_by: "d" }]) {
    const media = new Media();
    const asked = [];
    const session = {
      you: "c", me: { role: "primary" }, rep: { connection: "online" }, isOnItsWay: false, repName: "Ana",
      people: new Map(), activities: new Map([["a1", { id: "a1", kind: "voice", state: "asked", subject: "c", asked_by: "r" }]]),
    };
    const voice = new Voice({
      story: { session, phase: "inside" }, media,
      hub: { setVoice() {}, ensure() {}, sound: null },
      ask: async (event) => asked.push(event), present: () => true, changed() {}, notify() {},
    });
    const joined = voice.join();
    session.activities = new Map(next ? [[next.id, next]] : []);
    await joined;
    await settled();
    assert.deepEqual([voice.state, asked, media.tracks[0].stopped], ["none", [], true]);
  }
});

test("one who joins by himself while he is being asked is in the call", async () => {
  const asked = { id: "a2", kind: "voice", state: "asked", subject: "c", asked_by: "r" };
  const sent = [];
  const session = {
    you: "c", me: { role: "primary" }, rep: { connection: "online" }, isOnItsWay: false, repName: "Ana",
    people: new Map(), activities: new Map(),
  };
  const ask = async (event, payload) => {
    sent.push([event, payload.activity_id]);
    if (event !== "activity.offer") return {};
    session.activities = new Map([[asked.id, asked]]); // the question overtakes the answer
    throw Object.assign(new Error("busy"), { code: "activity_busy" });
  };
  const voice = new Voice({
    story: { session, phase: "inside" }, media: new Media(), hub: { setVoice() {}, ensure() {}, sound: null },
    ask, present: () => true, changed() {}, notify() {},
  });
  await voice.join();
  assert.deepEqual([voice.state, voice.hint], ["running", ""]);
  assert.deepEqual(sent, [["activity.offer", undefined], ["activity.answer", "a2"]]);
});

test("who ended the call, or what, is said in words, once; what the customer ended himself is not", async () => {
  const words = (name) => JSON.parse(readFileSync(new URL(`../../resources/translations/${name}/page.json`, import.meta.url)));
  for (const [end, by, key] of [
    ["control_transferred", "r", "voice.over_control"],
    ["session_transferred", "r", "voice.over_transfer"],
    ["stopped", "r", "voice.over"],
    ["stopped", "c", null],
  ]) {
    const call = await inACall();
    call.session.activities.delete("a1");
    const over = { id: "a1", kind: "voice", state: "ended", subject: "c", end, ended_by: by };
    call.voice.heard(over);
    call.voice.heard(over);
    assert.deepEqual(call.told, key ? [key] : []);
    assert.deepEqual([call.voice.state, call.media.tracks[0].stopped, call.sent.at(-1)], ["none", true, null]);
    if (key) assert.ok(words("en")[key] && words("ro")[key], key);
  }
});

test("every refusal has its sentence", () => {
  const said = (name) => microphoneFailure(Object.assign(new Error(), { name }));
  assert.deepEqual(
    ["NotAllowedError", "SecurityError", "NotReadableError", "AbortError", "NotFoundError", "OverconstrainedError"].map(said),
    ["voice.denied", "voice.denied", "voice.busy", "voice.busy", "voice.none", "voice.none"],
  );
});
