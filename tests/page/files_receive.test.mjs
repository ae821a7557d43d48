/** What comes is opened, kept and checked beside the page; nothing counts as here before its hash was compared. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { CHUNK, SEALED, Seal } from "../../resources/customer_page/files_seal.js";

const SECRET = new Uint8Array(32);
const TRANSFER = "transfer-0123456789";
const content = new Uint8Array(40 * CHUNK + 1_000).map((_, at) => at * 7 + (at >> 9));
const digest = createHash("sha256").update(content).digest();
const asked = [];
let sealed = new Uint8Array(0);
let disk = new Uint8Array(0);
let said = [];
/** So often the page has time to take what it was given. */
let receipts = Infinity;
/** What the relay was told is here for good, which it then forgets. */
const kept = [];
let hear;
let over;

globalThis.self = {
  addEventListener: (_, listener) => (hear = (data) => listener({ data })),
  postMessage(message) {
    said.push(message);
    if (message.wanted === "receipt" && receipts-- > 0) setTimeout(() => hear({ receipt: true }));
    if (message.wanted === "ticket") setTimeout(() => hear({ ticket: { path: "/files/a", token: "t", offset: 0 } }));
    if (message.digest || message.failed) over(message);
  },
};
const handle = {
  getSize: () => disk.length,
  read(bytes, { at }) {
    if (unreadable) throw new DOMException("", "InvalidStateError");
    bytes.set(disk.subarray(at, at + bytes.length));
  },
  write(bytes, { at }) {
    if (odd.length && odd[0] <= at) throw new DOMException("", odd.shift() && "InvalidStateError");
    // Growing within its memory, for copying it with each write would take minutes.
    if (at + bytes.length > disk.length) {
      const grown = disk.buffer.byteLength >= at + bytes.length ? disk.buffer : new ArrayBuffer(content.length + 2 * CHUNK);
      if (grown !== disk.buffer) new Uint8Array(grown).set(disk);
      disk = new Uint8Array(grown, 0, at + bytes.length);
    }
    disk.set(bytes, at);
    return bytes.length;
  },
  truncate: (size) => (disk = disk.slice(0, size)),
  flush() {},
  close() {},
};
/** So often another worker still has the file open. */
let locked = 0;
let unreadable = false;
let opened = 0;
let saidBefore;
async function createSyncAccessHandle() {
  opened += 1;
  saidBefore = said.at(-1);
  if (locked) throw new DOMException("", (locked -= 1) + 1 && "NoModificationAllowedError");
  return handle;
}
const folder = { getDirectoryHandle: async () => folder, getFileHandle: async () => ({ createSyncAccessHandle, getFile: async () => ({ size: disk.length }) }) };
/** A private window whose browser gives no folder. */
let keepsNothing = false;
async function getDirectory() {
  if (keepsNothing) throw new DOMException("", "SecurityError");
  return folder;
}
Object.defineProperty(globalThis, "navigator", { value: { storage: { getDirectory } }, configurable: true });
globalThis.FileReaderSync = class {
  readAsArrayBuffer(blob) {
    return blob.held.slice().buffer;
  }
};
globalThis.Blob = class {
  constructor(parts) {
    this.held = Buffer.concat(parts.map((part) => part.held ?? part));
    this.size = this.held.length;
  }
  arrayBuffer() {
    return this.held.slice().buffer;
  }
};
/** The relay has forgotten what comes before. */
let forgotten = 0;
/** The relay has nothing more, for now, from there on. */
let stops = Infinity;
/** Places at which the next writes fail, once each. */
let odd = [];
let longer = 0;
globalThis.fetch = async (_, { headers }) => {
  const [first, last] = headers.Range.slice(6).split("-").map(Number);
  asked.push(first);
  kept.push(Number(headers["Upload-Kept"]));
  if (first < forgotten) return new Response("", { status: 416 });
  if (first >= stops) return new Promise(() => {});
  const extra = longer;
  longer = 0;
  // A body of any length: the relay gives what it has.
  return new Response(sealed.slice(first, Math.min(last + 1 + extra, first + 3_000_000 + extra * 10_000_000)), { status: 206 });
};

await import("../../resources/customer_page/files_worker.js");

async function seal(trailer) {
  const made = await Seal.of(SECRET, TRANSFER, content.length);
  const plain = new Uint8Array([...content, ...trailer]);
  const whole = new Uint8Array(made.length);
  for (let index = 0; index < made.chunks; index += 1) {
    whole.set(new Uint8Array(await made.seal(index, plain.slice(index * CHUNK, index * CHUNK + made.plainSize(index)))), index * SEALED);
  }
  return whole;
}

function received(secret = SECRET, pieces = undefined) {
  said = [];
  asked.length = 0;
  return new Promise((resolve) => {
    over = resolve;
    hear({ secret, pieces, transfer: TRANSFER, size: content.length });
  });
}

const good = await seal(digest);

test("B-7.5: what was opened in one go is here once its hash is the sender's", async () => {
  [sealed, disk] = [good, new Uint8Array(0)];
  assert.deepEqual(await received(), { digest: digest.toString("hex") });
  assert.ok(Buffer.compare(disk, content) === 0, "it lies there as it was sent");
  assert.ok(said.at(-1).digest, "and not before all of it is there");
});

test("B-7.5: what has another hash than the sender's is damaged", async () => {
  [sealed, disk] = [await seal(createHash("sha256").update("another").digest()), new Uint8Array(0)];
  assert.deepEqual(await received(), { failed: "file_damaged" });
});

test("B-7.5: a chunk that is not the sender's in its place is never kept", async () => {
  sealed = good.slice();
  sealed.set(good.subarray(3 * SEALED, 4 * SEALED), 2 * SEALED);
  disk = new Uint8Array(0);
  assert.deepEqual(await received(), { failed: "file_damaged" });
  assert.ok(disk.length <= 2 * CHUNK, "nothing of it or after it lies on the disk");
});

test("B-7.5: what lay there before is hashed, too", async () => {
  [sealed, disk] = [good, content.slice(0, 5 * CHUNK + 10)];
  assert.deepEqual(await received(), { digest: digest.toString("hex") });
  assert.equal(asked[0], 5 * SEALED);
  disk = content.slice(0, 5 * CHUNK);
  disk[70_000] ^= 1;
  assert.deepEqual(await received(), { failed: "file_damaged" });
});

test("a body that is longer than what was asked for is not taken", async () => {
  [sealed, disk, longer] = [good, new Uint8Array(0), 100_000];
  assert.deepEqual(await received(), { digest: digest.toString("hex") });
  assert.deepEqual(asked.slice(0, 2), [0, 0], "it asks again");
  assert.ok(Buffer.compare(disk, content) === 0);
});

test("B-7.5: a write that failed is made again, and all that was written is in the hash", async () => {
  const wait = globalThis.setTimeout;
  globalThis.setTimeout = (done, ms = 0) => wait(done, ms / 100);
  [sealed, disk, odd] = [good, new Uint8Array(0), [0, 3 * CHUNK, 3 * CHUNK, 13 * CHUNK]];
  assert.deepEqual(await received(), { digest: digest.toString("hex") });
  assert.deepEqual(odd, []);
  assert.ok(Buffer.compare(disk, content) === 0);
  // A folder that takes nothing any more is told as what it is.
  [disk, odd] = [new Uint8Array(0), Array(100).fill(5 * CHUNK)];
  assert.deepEqual(await received(), { failed: "file_folder" });
  assert.ok(odd.length > 80, "not tried for ever");
  odd = [];
  globalThis.setTimeout = wait;
});

test("B-7.5: a file that the page before still has open is waited for, not begun anew", async () => {
  const wait = globalThis.setTimeout;
  globalThis.setTimeout = (done, ms = 0) => wait(done, ms / 100);
  [sealed, disk, locked] = [good, content.slice(0, 5 * CHUNK), 100];
  assert.deepEqual(await received(), { digest: digest.toString("hex") });
  assert.deepEqual([asked[0], locked], [5 * SEALED, 0]);
  locked = Infinity;
  assert.deepEqual(await received(), { failed: "file_locked" });
  disk = new Uint8Array(0); // a private window, which gives nobody such a file
  assert.deepEqual(await received(), { digest: digest.toString("hex") });
  const { memory } = said.find((one) => one.memory);
  assert.ok(Buffer.compare(new Uint8Array(await memory.arrayBuffer()), content) === 0);
  locked = 0;
  globalThis.setTimeout = wait;
});

test("B-7.5: no file is open while the worker that hashes begins, for one that stands still there would keep it locked", async () => {
  const before = [];
  globalThis.Worker = class {
    #hash = createHash("sha256");
    #listeners = {};
    constructor() {
      before.push(opened);
      setTimeout(() => this.#say(null));
    }
    addEventListener(kind, listener) {
      this.#listeners[kind] = listener;
    }
    postMessage(pieces) {
      for (const piece of pieces ?? []) this.#hash.update(piece);
      setTimeout(() => this.#say(pieces ? [] : new Uint8Array(this.#hash.digest())));
    }
    #say(data) {
      this.#listeners.message({ data });
    }
    terminate() {}
  };
  [sealed, disk, opened] = [good, new Uint8Array(0), 0];
  assert.deepEqual(await received(), { digest: digest.toString("hex") });
  assert.deepEqual([...new Set(before), opened], [0, 1]);
  assert.deepEqual(saidBefore, { waits: true }, "or the page's patience with that ends while it is being opened");
  delete globalThis.Worker;
});

test("only what the folder does is told as the folder's", async () => {
  [sealed, disk, unreadable] = [good, content.slice(0, 5 * CHUNK), true];
  assert.deepEqual(await received(), { failed: "file_folder" });
  unreadable = false;
  assert.deepEqual(await received("no key at all"), { failed: "file_stuck" });
});

test("B-7.5: where a private window keeps nothing, a pause keeps what came, and a reload says why it ends", async () => {
  [sealed, disk, keepsNothing, stops] = [good, new Uint8Array(0), true, 3_000_000];
  void received();
  const pieces = [];
  for (let tries = 0; pieces.length < 11 && tries < 1_000; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    for (const { piece, number } of said) if (piece) pieces[number] = piece;
  }
  assert.equal(pieces.length, 11);
  [stops, forgotten] = [Infinity, 11 * SEALED];
  assert.deepEqual(await received(SECRET, pieces), { digest: digest.toString("hex") });
  assert.equal(asked[0], 11 * SEALED);
  const { memory } = said.find((one) => one.memory);
  assert.ok(Buffer.compare(memory.held, content) === 0, "all of it is there to be saved");
  assert.deepEqual(await received(), { failed: "file_forgotten" });
  [keepsNothing, forgotten] = [false, 11 * SEALED];
  disk = new Uint8Array(0);
  assert.deepEqual(await received(), { failed: "file_damaged" }, "elsewhere somebody took it away");
  forgotten = 0;
});

test("B-7.5: where a private window keeps nothing, the relay forgets only what the page has", async () => {
  [sealed, disk, keepsNothing, stops, receipts] = [good, new Uint8Array(0), true, Infinity, 1];
  kept.length = 0;
  void received();
  for (let tries = 0; receipts >= 0 && tries < 1_000; tries += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(receipts, -1, "it waits for the page, which is busy");
  assert.equal(said.filter(({ piece }) => piece).length, 11);
  assert.deepEqual([...new Set(kept)], [0], "a pause now would lose what is on its way to the page");
  [keepsNothing, receipts] = [false, Infinity];
});
