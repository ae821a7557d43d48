/** What was kept of a file and is wanted no more is really gone, also where a worker that was ended still holds it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { FilesBook } from "../../resources/customer_page/files_book.js";
import { remove } from "../../resources/customer_page/files_place.js";

const AGAIN = 100;

/** A folder whose file is held for so many tries, or that fails in another way; counts the tries. */
function aFolder(held, name = "NoModificationAllowedError") {
  const place = { tries: 0, getDirectoryHandle: async () => place };
  place.removeEntry = async () => {
    place.tries += 1;
    if (place.tries <= held) throw new DOMException("", name);
    place.gone = true;
  };
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { storage: { getDirectory: async () => place } } });
  return place;
}

async function settle() {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

test("B-7.5: a file that an ended worker still has open is removed once the worker lets go of it", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const place = aFolder(3);
  const removing = remove("transfer");
  for (let tries = 1; tries <= 3; tries += 1) {
    await settle();
    assert.deepEqual([place.tries, place.gone], [tries, undefined]);
    context.mock.timers.tick(AGAIN);
  }
  await removing;
  assert.equal(place.gone, true);
});

test("B-7.5: a file that is held for ever is given up after a minute, one that is not there at once", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const held = aFolder(Infinity);
  let over = false;
  void remove("transfer").then(() => (over = true));
  for (let waited = 0; waited < 60_000; waited += AGAIN) {
    await settle();
    assert.equal(over, false);
    context.mock.timers.tick(AGAIN);
  }
  await settle();
  assert.equal(over, true);
  const missing = aFolder(Infinity, "NotFoundError");
  await remove("transfer");
  assert.equal(missing.tries, 1);
});

test("B-7.5: what is another tab's meanwhile is tried no more", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const place = aFolder(1);
  const moved = new AbortController();
  const removing = remove("transfer", { signal: moved.signal });
  await settle();
  moved.abort();
  context.mock.timers.tick(AGAIN);
  await removing;
  assert.deepEqual([place.tries, place.gone], [1, undefined]);
});

test("B-7.5: putting away what nobody lists waits for nothing that somebody has open, and takes nothing that begins meanwhile", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const place = aFolder(1);
  const asked = [];
  const mine = new Set();
  const storage = { getItem: (key) => storage[key], removeItem: (key) => delete storage[key] };
  const { removeEntry } = place;
  place.removeEntry = async (name) => {
    asked.push(name);
    mine.add("mine");
    storage["support.files.s2"] = JSON.stringify({ at: Date.now(), lines: [{ transfer: "another-tab's" }] });
    await removeEntry(name);
  };
  place.keys = async function* () {
    yield* ["open", "mine", "another-tab's", "stale"];
  };
  let over = false;
  void new FilesBook(storage).sweep("s1", () => mine).then(() => (over = true));
  for (let turns = 0; turns < 10; turns += 1) await settle();
  assert.deepEqual([asked, over], [["open", "stale"], true]);
});

test("B-7.5: what came of a file that another session only lists until the relay knows of its end is put away", async () => {
  const place = aFolder(0);
  const gone = [];
  place.removeEntry = async (name) => void gone.push(name);
  const lines = [["stopped", "stopped"], ["failed", "failed"], ["done", "finished"], ["done", ""], ["running", ""]].map(([state, untold], at) => ({ transfer: `t${at}`, state, untold }));
  place.keys = async function* () {
    yield* lines.map(({ transfer }) => transfer);
  };
  const storage = { getItem: (key) => storage[key], removeItem: (key) => delete storage[key], "support.files.s2": JSON.stringify({ at: Date.now(), lines }) };
  await new FilesBook(storage).sweep("s1", () => []);
  assert.deepEqual(gone, ["t0", "t1"]);
});

for (const [folder, keys] of [["is empty", async function* () {}], ["cannot be opened", null]]) {
  test(`B-7.5: what a session of two days ago has left is forgotten also where the folder ${folder}`, async () => {
    const place = aFolder(0);
    place.keys = keys;
    const storage = { getItem: (key) => storage[key], removeItem: (key) => delete storage[key] };
    for (const [name, age] of [["old", 2 * 86_400_000], ["new", 1_000]]) {
      storage[`support.files.${name}`] = JSON.stringify({ at: Date.now() - age, lines: [{ transfer: name }] });
    }
    await new FilesBook(storage).sweep("s1", () => []);
    assert.deepEqual(Object.keys(storage).filter((name) => name.startsWith("support.")), ["support.files.new"]);
  });
}
