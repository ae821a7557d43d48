/** A file that ended here is over for the relay, too, however long the line was down, and also after a reload. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { FileEnds } from "../../resources/customer_page/files_ends.js";
import { Files } from "../../resources/customer_page/files.js";
import { sealMeta, toText } from "../../resources/customer_page/files_seal.js";

const AGAIN = 1_000;
/** The clock itself: tests put another one in its place. */
const soon = globalThis.setTimeout;
const SECRET = Uint8Array.from({ length: 32 }, (_, place) => place);
const KEY_ID = "c72ffe0bbe0e5e0e21b876cae";
const TRANSFER = "transfer-0123456789";

async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** A relay that refuses for as long as `code` is set; what it was asked. */
function aRelay(code) {
  const relay = { code, asked: [], story: { phase: "inside" } };
  relay.ask = async (event, { activity_id: id, reason }) => {
    relay.asked.push([event, id, reason]);
    if (relay.code) throw Object.assign(new Error(), { code: relay.code });
    return {};
  };
  return relay;
}

for (const code of ["offline", "timeout", "relay_busy", "too_fast"]) {
  test(`B-7.5: an end that is met with ${code} is told again until it is heard, once at a time`, async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const relay = aRelay(code);
    let kept = 0;
    const line = { id: "a1", untold: "" };
    const ends = new FileEnds({ ...relay, keep: () => (kept += 1) });
    const telling = ends.tell(line, "stopped");
    void ends.tell(line, "stopped");
    await settle();
    assert.deepEqual([relay.asked.length, line.untold, kept], [1, "stopped", 1]);
    relay.code = "";
    context.mock.timers.tick(AGAIN);
    await telling;
    assert.deepEqual(relay.asked, Array(2).fill(["activity.stop", "a1", "stopped"]));
    assert.deepEqual([line.untold, kept], ["", 2]);
  });
}

test("B-7.5: an end that the relay will never take, or whose session is over, is told no more", async () => {
  const gone = aRelay("activity_unknown");
  const line = { id: "a1", untold: "" };
  await new FileEnds({ ...gone, keep() {} }).tell(line, "stopped");
  assert.deepEqual([gone.asked.length, line.untold], [1, ""]);
  const over = aRelay("offline");
  over.story.phase = "over";
  await new FileEnds({ ...over, keep() {} }).tell(line, "stopped");
  assert.equal(over.asked.length, 1);
});

globalThis.Worker = class {
  addEventListener() {}
  postMessage() {}
  terminate() {}
};
const kept = new Set();
const place = {
  keys: async function* () { yield* [...kept]; },
  removeEntry: async (name) => {
    if (place.held) throw new DOMException("", "NoModificationAllowedError");
    kept.delete(name);
  },
  getDirectoryHandle: async () => place,
};
Object.defineProperty(globalThis, "navigator", { configurable: true, value: { storage: { getDirectory: async () => place } } });

class Storage {
  getItem(name) { return this[name] ?? null; }
  setItem(name, value) { this[name] = value; }
  removeItem(name) { delete this[name]; }
}

/** A page in a session in which the representative's file is on its way. */
async function aPage(storage, relay, isOver = false) {
  const sealed = await sealMeta(SECRET, TRANSFER, "fix.exe", "");
  const activity = { id: "a1", kind: "file", state: "running", subject: "rep", seen_by: ["me"], file: { transfer: TRANSFER, size: 5, key_id: KEY_ID, sealed } };
  const rep = { id: "rep", device: {} };
  const session = { id: "s1", you: "me", me: { role: "primary", device: {} }, rep, repName: "Maria", people: new Map([["rep", rep]]), activities: new Map(isOver ? [] : [[activity.id, activity]]) };
  relay.story = { phase: "inside", session };
  const files = new Files({ ...relay, secrets: new Map([["rep", toText(SECRET)]]), changed() {}, storage, tell() {} });
  files.settle();
  // The name is unsealed in a thread of its own: how long that takes is the machine's affair.
  for (let tries = 0; tries < 4_000 && !isOver && files.lines[0].state === "sealed"; tries += 1) await new Promise((resolve) => soon(resolve, 5));
  return { files, story: relay.story };
}

test("B-7.5: what the customer cancels with the line down stays cancelled over a reload, and the relay hears of it", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const storage = new Storage();
  const away = aRelay("offline");
  const before = await aPage(storage, away);
  assert.equal(before.files.lines[0].state, "running");
  Object.assign(place, { held: true });
  kept.add(TRANSFER);
  before.files.lines[0].code = "offline"; // of a pause before
  await before.files.cancel(before.files.lines[0]);
  await settle();
  assert.deepEqual([[...kept], before.files.lines[0].code], [[TRANSFER], ""]);
  before.files.settle();
  assert.deepEqual([before.files.lines[0].state, away.asked.length], ["stopped", 1]);
  before.story.phase = "gone"; // this page is loaded anew
  place.held = false;
  const relay = aRelay("");
  const { files, story } = await aPage(storage, relay);
  await settle();
  assert.deepEqual(files.lines.map(({ state, byMe, untold }) => [state, byMe, untold]), [["stopped", true, ""]]);
  assert.deepEqual(relay.asked, [["activity.stop", "a1", "stopped"]]);
  assert.deepEqual([...kept], [], "what came of it is gone");
  assert.deepEqual(JSON.parse(storage.getItem("support.files.s1")).lines, [], "a third page knows nothing of it");
  story.phase = "over";
  files.close();
  assert.equal(storage.getItem("support.files.s1"), null);
});

test("B-7.5: an end of which the relay's next word shows that it needs none is told no more", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const storage = new Storage();
  const relay = aRelay("offline");
  const { files, story } = await aPage(storage, relay);
  await files.cancel(files.lines[0]);
  await settle();
  assert.equal(JSON.parse(storage.getItem("support.files.s1")).lines.length, 1);
  story.phase = "gone"; // this page is loaded anew
  const again = aRelay("");
  const page = await aPage(storage, again, true);
  assert.deepEqual([page.files.lines.map(({ state, untold }) => [state, untold]), again.asked], [[["stopped", ""]], []]);
  assert.deepEqual(JSON.parse(storage.getItem("support.files.s1")).lines, []);
});

test("B-7.5: a relay that is there and takes no end is asked less and less often", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const relay = aRelay("internal");
  void new FileEnds({ ...relay, keep() {} }).tell({ id: "a1" }, "stopped");
  await settle();
  for (const [pause, asked] of [[1, 2], [2, 3], [4, 4], [8, 5], [16, 6], [30, 7], [30, 8]]) {
    context.mock.timers.tick(pause * AGAIN - 1);
    await settle();
    assert.equal(relay.asked.length, asked - 1);
    context.mock.timers.tick(1);
    await settle();
    assert.equal(relay.asked.length, asked);
  }
});

test("B-7.5: an end that is heard after the session leaves nothing in this browser", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const storage = new Storage();
  const relay = aRelay("");
  const { files, story } = await aPage(storage, relay);
  await files.cancel(files.lines[0]);
  story.phase = "over";
  files.close();
  await settle();
  assert.equal(storage.getItem("support.files.s1"), null);
});
