/** What moves a file beside the page: parts that a server on the way does not take, and what the page is told. */

import assert from "node:assert/strict";
import { test } from "node:test";

const CHUNK = 262_144;
const SEALED = CHUNK + 16;
const content = new Uint8Array(6 * CHUNK);
const taken = [];
let most = Infinity;
let full = 0;
let closed = 0;
let forbidden = 403;
let tickets = 0;
let hear;
let over;
let hashed = -1;

globalThis.self = {
  addEventListener: (_, listener) => (hear = (data) => listener({ data })),
  postMessage(said) {
    tickets += said.wanted === "ticket";
    if (said.wanted === "ticket") setTimeout(() => hear({ ticket: { path: "/files/a", token: "t", offset: taken.at(-1) ?? 0 } }));
    if (said.hash) hashed = taken.at(-1) ?? 0;
    if (said.digest || said.failed) over(said);
  },
};
globalThis.FileReaderSync = class {
  readAsArrayBuffer(bytes) {
    return bytes.slice().buffer;
  }
};
globalThis.fetch = async (_, { headers, body, redirect }) => {
  if (full) {
    full -= 1;
    return new Response("", { status: 507 });
  }
  if (closed) {
    closed -= 1;
    if (forbidden === 302) {
      assert.equal(redirect, "manual", "or the browser follows to wherever it leads");
      return { type: "opaqueredirect", status: 0 };
    }
    return new Response("", { status: forbidden });
  }
  if (body.length > most) return new Response("", { status: 413 });
  taken.push(Number(headers["Upload-Offset"]) + body.length);
  return new Response(null, { status: 204, headers: { "Upload-Offset": String(taken.at(-1)) } });
};

await import("../../resources/customer_page/files_worker.js");

function moved() {
  taken.length = 0;
  return new Promise((resolve) => {
    over = resolve;
    const file = { slice: (start, end) => content.subarray(start, end) };
    hear({ file, secret: new Uint8Array(32), transfer: "transfer-0123456789", size: content.length });
  });
}

test("B-7.5: a server on the way that takes less at a time gets smaller parts", async () => {
  most = 3 * SEALED;
  const { digest } = await moved();
  assert.match(digest, /^[0-9a-f]{64}$/);
  assert.equal(taken.at(-1), content.length + 32 + 7 * 16);
  assert.ok(taken.length > 2);
  assert.ok(hashed >= 0 && hashed < taken.at(-1), "the hash is told before the last part is there");
});

test("B-7.5: one that takes not even the smallest is told, and nothing is tried for ever", async () => {
  most = 1_000;
  assert.deepEqual(await moved(), { failed: "file_refused" });
  assert.deepEqual(taken, []);
});

test("B-7.5: a relay whose disk is full is asked again for a while, and then that is told", async () => {
  const wait = globalThis.setTimeout;
  globalThis.setTimeout = (done, ms = 0) => wait(done, ms / 100);
  most = Infinity;
  full = 4;
  assert.match((await moved()).digest, /^[0-9a-f]{64}$/);
  full = Infinity;
  assert.deepEqual(await moved(), { failed: "file_site_full" });
  assert.deepEqual(taken, []);
  globalThis.setTimeout = wait;
});

test("B-7.5: a server on the way that forbids it is asked with some new tickets, and then that is told", async () => {
  const wait = globalThis.setTimeout;
  globalThis.setTimeout = (done, ms = 0) => wait(done, ms / 100);
  for (forbidden of [401, 403, 404, 410]) {
    [full, closed, tickets] = [0, 3, 0];
    assert.match((await moved()).digest, /^[0-9a-f]{64}$/, "it may be open again");
    assert.equal(tickets, 4);
    [closed, tickets] = [Infinity, 0];
    assert.deepEqual(await moved(), { failed: "file_refused" });
    assert.ok(tickets < 20);
    assert.deepEqual(taken, []);
  }
  closed = 0;
  globalThis.setTimeout = wait;
});

test("B-7.5: a network that wants people to sign in is asked for a while, and then that is told", async () => {
  const wait = globalThis.setTimeout;
  globalThis.setTimeout = (done, ms = 0) => wait(done, ms / 100);
  for (forbidden of [200, 302, 511]) {
    [closed, tickets] = [3, 0];
    assert.match((await moved()).digest, /^[0-9a-f]{64}$/, "somebody may sign in");
    [closed, tickets] = [Infinity, 0];
    assert.deepEqual(await moved(), { failed: "file_diverted" });
    assert.ok(tickets < 20);
  }
  closed = 0;
  globalThis.setTimeout = wait;
});
