/** Files in the page: the same seal as the app's (vectors made by support_manager/files/seal.py), and what is offered. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { FilesDoor } from "../../resources/customer_page/files_door.js";
import * as here from "../../resources/customer_page/files_hash.js";
import { Seal, fromText, keyId, openMeta, sealMeta, toText } from "../../resources/customer_page/files_seal.js";

const SECRET = Uint8Array.from({ length: 32 }, (_, place) => place);
const TRANSFER = "transfer-0123456789";
const APP = {"key_id": "c72ffe0bbe0e5e0e21b876cae", "weak": "e72ffe0bbe0e5e0e21b876cae", "sealed": "xJZGLKY528av2ZFji3isWvJQvoA7AQFnSxil-xcCQVWMvgWUwQtO1wjRnhJ9sYFcvWQSRh09_2VIWsOXGMGJP08", "chunk": "f7Q5mCM6MRCvrNfAzK-tTVVRXLLZAuLGAM4kKY7IKcjKTYAt6qVMynuZ7gFACSVNUcG-IIs"};

test("B-7.5: names and chunks of the app open here, and keys have the same names", async () => {
  assert.equal(await keyId(SECRET, false), APP.key_id);
  assert.equal(await keyId(SECRET, true), APP.weak);
  assert.deepEqual(await openMeta(SECRET, TRANSFER, APP.sealed), { name: "raport ș.pdf", type: "application/pdf" });
  const seal = await Seal.of(SECRET, TRANSFER, 5);
  const plain = new Uint8Array(await seal.open(0, fromText(APP.chunk)));
  assert.equal(new TextDecoder().decode(plain.slice(0, 5)), "hello");
  assert.equal(toText(new Uint8Array(await seal.seal(0, plain))), APP.chunk);
  await assert.rejects((await Seal.of(SECRET, "another-transfer", 5)).open(0, fromText(APP.chunk)));
  await assert.rejects(openMeta(SECRET, "another-transfer", APP.sealed));
});

async function hashes({ Hash, hasher }, made) {
  for (const size of [0, 1, 55, 56, 63, 64, 65, 119, 120, 65_143, 65_144, 65_151, 65_152, 65_153, 130_304, 1_000_003]) {
    const bytes = Uint8Array.from({ length: size }, (_, at) => at * 31 + (at >> 8));
    const hash = await hasher();
    assert.equal(hash instanceof Hash, made);
    for (let at = 0; at < size; at += 7_777) hash.update(bytes.subarray(at, at + 7_777));
    assert.equal(Buffer.from(hash.digest()).toString("hex"), createHash("sha256").update(bytes).digest("hex"), String(size));
  }
}

test("a hash piece by piece is SHA-256 at every length of rest and piece, by WebAssembly made here", () => hashes(here, true));

test("where a browser has no such WebAssembly, the hash is made by script", async () => {
  // A library of this age is one of Node's own modules, unless a folder says that all are as in a browser.
  const folder = await mkdtemp(join(tmpdir(), "hash-"));
  const page = new URL("../../resources/customer_page/", import.meta.url);
  await writeFile(join(folder, "package.json"), '{"type": "module"}');
  await mkdir(join(folder, "vendor"));
  for (const name of ["files_hash.js", "vendor/fast-sha256.min.js"]) await copyFile(new URL(name, page), join(folder, name));
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async () => {
    throw new WebAssembly.CompileError("no vectors");
  };
  await hashes(await import(pathToFileURL(join(folder, "files_hash.js"))), false);
  WebAssembly.instantiate = instantiate;
  await rm(folder, { recursive: true });
});

test("B-7.5: an offer is readable once the connection has told the secret, and is answered by a person", async () => {
  const told = [];
  const asked = [];
  const activity = {
    id: "a1", kind: "file", state: "asked", subject: "rep", seen_by: ["me"],
    file: { transfer: TRANSFER, size: 5, key_id: APP.key_id, sealed: await sealMeta(SECRET, TRANSFER, "fix.exe", "") },
  };
  const people = new Map([["rep", { id: "rep", device: {} }]]);
  const session = { id: "s", you: "me", me: { role: "primary", device: {} }, repName: "Maria", people, activities: new Map([["a1", activity]]) };
  const door = new FilesDoor({
    story: { phase: "inside", session }, changed: () => {}, storage: null,
    tell: (notice) => told.push(notice.key), ask: async (...what) => asked.push(what),
  });
  let files = null;
  const part = { dataset: { coming: "yes" } };
  door.draw(part, null);
  assert.equal(door.hear("rep", { type: "draw" }), false);
  assert.equal(door.hear("rep", { type: "files", secret: toText(SECRET) }), true);
  const { Files } = await import("../../resources/customer_page/files.js");
  files = new Files({ story: { phase: "inside", session }, secrets: door.secrets, changed: () => {}, storage: null, tell: (n) => told.push(n.key), ask: async (...what) => asked.push(what) });
  files.settle();
  for (let tries = 0; files.lines[0]?.state !== "offered" && tries < 200; tries += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual([files.lines[0].state, files.lines[0].name, files.lines[0].weak], ["offered", "fix.exe", false]);
  assert.deepEqual(asked, [], "nothing is answered by itself");
  await files.answer(files.lines[0], false);
  assert.deepEqual(asked, [["activity.answer", { activity_id: "a1", accept: false }]]);
});

test("B-7.5: what came is saved once its hash was compared, and never where that is another", async () => {
  const { Files } = await import("../../resources/customer_page/files.js");
  const workers = [];
  globalThis.Worker = class {
    constructor() {
      workers.push(this);
    }
    addEventListener(kind, listener) {
      if (kind !== "message") return;
      this.say = (data) => listener({ data });
      this.say({ begun: true });
    }
    postMessage() {}
    terminate() {}
  };
  const html = globalThis.document;
  globalThis.document = { documentElement: { lang: "en" } };
  const told = [];
  const asked = [];
  const people = new Map([["rep", { id: "rep", device: {} }]]);
  const activities = new Map();
  const session = { id: "s", you: "me", me: { role: "primary", device: {} }, repName: "Maria", people, activities };
  const files = new Files({
    story: { phase: "inside", session }, secrets: new Map([["rep", toText(SECRET)]]), changed: () => {}, storage: null,
    tell: (notice) => told.push(notice.key), ask: async (event, { reason }) => asked.push([event, reason]),
  });
  let saved = 0;
  files.save = async () => (saved += 1);
  for (const [id, transfer] of [["a1", TRANSFER], ["a2", "transfer-9876543210"]]) {
    const file = { transfer, size: 5, key_id: APP.key_id, sealed: await sealMeta(SECRET, transfer, "fix.exe", "") };
    activities.set(id, { id, kind: "file", state: "running", subject: "rep", seen_by: ["me"], file });
    files.settle(); // one after the other: names are opened in any order, and each worker is to be known
    for (let tries = 0; workers.length < activities.size && tries < 200; tries += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.deepEqual([saved, files.lines[0].state, told], [0, "running", []]);
  workers[0].say({ digest: "ab" });
  assert.deepEqual([saved, files.lines[0].state, files.lines[0].digest], [1, "done", "ab"]);
  workers[1].say({ failed: "file_damaged" });
  assert.deepEqual([saved, files.lines[1].state, files.lines[1].code], [1, "failed", "file_damaged"]);
  assert.deepEqual(told, ["notice.file_here"]);
  assert.deepEqual(asked, [["activity.stop", "finished"], ["activity.stop", "failed"]]);
  globalThis.document = html;
});

test("B-7.5: whoever cannot send files is told why, and assistants see nothing of them", async () => {
  const { Files } = await import("../../resources/customer_page/files.js");
  const session = { me: { role: "primary", device: {} }, rep: { device: {} }, activities: new Map() };
  const files = new Files({ story: { phase: "inside", session }, secrets: new Map(), changed: () => {} });
  globalThis.isSecureContext = false;
  assert.equal(files.hurdle, "files.insecure");
  globalThis.isSecureContext = true;
  assert.equal(files.hurdle, "files.no_browser");
  session.me.device = { file_key: "k" };
  assert.equal(files.hurdle, "files.not_yet");
  session.rep.device = { file_key: "k" };
  assert.equal(files.hurdle, "");
  session.me.role = "customer";
  assert.ok(files.isHidden);
});

test("B-7.5: the card says the smaller of what this browser keeps and what the site takes", async () => {
  const storage = { estimate: async () => ({ quota: 11_000, usage: 1_000 }), getDirectory: async () => ({}) };
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { storage } });
  const { Files } = await import("../../resources/customer_page/files.js");
  const most = (largest) => new Files({ story: {}, secrets: new Map(), changed() {}, largest }).most();
  assert.deepEqual(await most(() => 20_000), { bytes: 9_000, lasting: true, bySite: false });
  assert.deepEqual(await most(() => 4_000), { bytes: 4_000, lasting: true, bySite: true });
  assert.deepEqual(await most(() => undefined), { bytes: 9_000, lasting: true, bySite: false }, "a relay that does not say");
  storage.getDirectory = async () => { throw new Error("a private window"); };
  assert.deepEqual(await most(() => 4_000), { bytes: 4_000, lasting: false, bySite: true });
});

test("B-7.5: while a folder is packed the page goes on, however fast the disk is", async () => {
  const { zipped } = await import("../../resources/customer_page/files_folder.js");
  const piece = new Uint8Array(1_000_000);
  let given = 0;
  const stream = () => new ReadableStream({ pull: (pieces) => ((given += 1) > 100 ? pieces.close() : pieces.enqueue(piece)) });
  const large = Object.assign(new Blob([]), { stream, lastModified: 0 });
  let turns = 0;
  const others = setInterval(() => (turns += 1), 1).unref();
  await assert.rejects(zipped("d", [{ path: "d/a", file: large }], () => turns > 2), { name: "AbortError" });
  clearInterval(others);
  assert.ok(given < 100, "and can be stopped");
});

test("B-7.5: a folder is the same archive each time, and one that is too large says so", async () => {
  const { zipped } = await import("../../resources/customer_page/files_folder.js");
  const made = (text, name, time) => ({ path: `Dosar ș/${name}`, file: new File([text], name, { lastModified: time }) });
  const found = () => [made("two", "b.txt", 1_700_000_000_000), made("one", "a.txt", 1_600_000_000_000)];
  const [first, second] = [await zipped("Dosar ș", found()), await zipped("Dosar ș", found().reverse())];
  assert.equal(first.name, "Dosar ș.zip");
  assert.equal(first.lastModified, 1_700_000_000_000);
  assert.deepEqual(Buffer.from(await first.arrayBuffer()), Buffer.from(await second.arrayBuffer()));
  const huge = { path: "d/x", file: { size: 2 ** 32, lastModified: 0 } };
  await assert.rejects(zipped("d", [huge]), { code: "file_folder_large" });
});

test("two tabs of one browser leave each other's files alone, of the same session and of another", async () => {
  const stored = new Set();
  const place = {
    keys: async function* () { yield* [...stored]; },
    removeEntry: async (name) => void stored.delete(name),
    getDirectoryHandle: async () => place,
  };
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { storage: { getDirectory: async () => place } } });
  class Storage {
    getItem(name) { return this[name] ?? null; }
    setItem(name, value) { this[name] = value; }
    removeItem(name) { delete this[name]; }
  }
  const storage = new Storage();
  const { Files } = await import("../../resources/customer_page/files.js");
  const tab = async (id, transfer) => {
    const activity = { id: `a-${transfer}`, kind: "file", state: "asked", subject: "rep", seen_by: ["me"], file: { transfer, size: 5, key_id: APP.key_id, sealed: await sealMeta(SECRET, transfer, "fix.exe", "") } };
    const session = { id, you: "me", me: { role: "primary", device: {} }, repName: "Maria", people: new Map([["rep", { id: "rep", device: {} }]]), activities: new Map([[activity.id, activity]]) };
    const files = new Files({ story: { phase: "inside", session }, secrets: new Map([["rep", toText(SECRET)]]), changed() {}, storage, tell() {}, ask: async () => ({}) });
    files.settle();
    for (let tries = 0; files.lines[0]?.state !== "offered" && tries < 200; tries += 1) await new Promise((resolve) => setTimeout(resolve, 5));
    stored.add(transfer);
    return files;
  };
  const first = await tab("s1", "transfer-1111111111");
  const other = await tab("s2", "transfer-2222222222");
  stored.add("of-nobody");
  const again = await tab("s1", "transfer-1111111111");
  first.close(true);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual([...stored].sort(), ["transfer-1111111111", "transfer-2222222222"]);
  assert.equal(JSON.parse(storage.getItem("support.files.s1")).lines.length, 1);
  again.close();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual([[...stored], storage.getItem("support.files.s1")], [["transfer-2222222222"], null]);
  other.close();
});

/** Workers that do nothing; what each was given. */
function idleWorkers() {
  const workers = [];
  globalThis.Worker = class {
    given = [];
    constructor() {
      workers.push(this);
    }
    addEventListener(kind, listener) {
      if (kind !== "message") return;
      this.say = (data) => listener({ data });
      this.say({ begun: true });
    }
    postMessage(data) {
      this.given.push(data);
    }
    terminate() {}
  };
  return workers;
}

/** A page that offers files: what it asked, and a relay that answers when `ack` is called. */
async function sender(more = {}) {
  const { Files } = await import("../../resources/customer_page/files.js");
  const rep = { id: "rep", device: {} };
  const session = { id: "s", you: "me", me: { role: "primary", device: {} }, rep, repName: "Maria", people: new Map([["rep", rep]]), activities: new Map() };
  const page = { asked: [], secrets: new Map([["rep", toText(SECRET)]]), ack: null, ...more };
  page.story = { phase: "inside", session };
  page.files = new Files({
    story: page.story, secrets: page.secrets, changed() {}, storage: null, tell() {},
    ask: (event, payload) => {
      page.asked.push([event, payload.activity_id ?? ""]);
      if (page.refuses) return Promise.reject(Object.assign(new Error(), { code: page.refuses }));
      return event === "activity.offer" ? new Promise((resolve, reject) => {
        page.ack = () => resolve({ activity_id: "a1" });
        page.lose = () => reject(Object.assign(new Error(), { code: "timeout" }));
      }) : Promise.resolve({});
    },
  });
  return page;
}

async function until(holds) {
  for (let tries = 0; !holds() && tries < 400; tries += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(holds());
}

test("B-7.5: a file that is cancelled before it was offered is never offered", async () => {
  const { files, asked, secrets } = await sender({ secrets: new Map() });
  const offering = files.offer([new File(["hello"], "a.txt")]);
  await until(() => files.lines.length);
  await files.cancel(files.lines[0]);
  secrets.set("rep", toText(SECRET));
  await offering;
  assert.deepEqual([asked, files.lines[0].state, files.lines[0].code, files.lines[0].key], [[], "stopped", "", ""]);
});

test("B-7.5: a file that is cancelled while it is being offered is stopped as soon as it has a name", async () => {
  const page = await sender();
  const offering = page.files.offer([new File(["hello"], "a.txt")]);
  await until(() => page.ack);
  await page.files.cancel(page.files.lines[0]);
  assert.deepEqual(page.asked, [["activity.offer", ""]]);
  page.ack();
  await offering;
  await until(() => page.asked.length > 1);
  assert.deepEqual(page.asked.at(-1), ["activity.stop", "a1"]);
  assert.deepEqual([page.files.lines[0].state, page.files.lines[0].code], ["stopped", ""]);
});

/** The relay's own word of what this page has offered. */
function offered(page, transfer) {
  const activity = { id: "a1", kind: "file", state: "asked", subject: "me", seen_by: ["rep"], file: { transfer, size: 5 } };
  page.story.session.activities.set("a1", activity);
  page.files.take(activity);
}

test("B-7.5: what a transfer ends says which", async () => {
  const page = await sender();
  page.files.settle();
  const offering = page.files.offer([new File(["hello"], "a.txt")]);
  await until(() => page.ack);
  offered(page, page.files.lines[0].transfer);
  page.ack();
  await offering;
  const [activity] = page.story.session.activities.values();
  page.files.take({ ...activity, state: "ended", end: "control_transferred", ended_by: "rep" });
  assert.deepEqual(page.files.lines.map(({ state, end }) => [state, end]), [["stopped", "control_transferred"]]);
});

test("B-7.5: an offer whose answer is lost stands where the relay has told of it, and is offered once", async () => {
  const page = await sender();
  page.files.settle();
  const offering = page.files.offer([new File(["hello"], "a.txt")]);
  await until(() => page.ack);
  offered(page, page.files.lines[0].transfer);
  page.lose();
  await offering;
  assert.deepEqual(page.files.lines.map(({ id, state, code }) => [id, state, code]), [["a1", "waiting", ""]]);
  assert.deepEqual(page.asked, [["activity.offer", ""]]);
});

test("B-7.5: an offer that failed for want of an answer is taken back where the relay has it all the same", async () => {
  const page = await sender();
  page.files.settle();
  const offering = page.files.offer([new File(["hello"], "a.txt")]);
  await until(() => page.ack);
  page.lose();
  await offering;
  assert.deepEqual(page.files.lines.map(({ state, code }) => [state, code]), [["failed", "timeout"]]);
  offered(page, page.files.lines[0].transfer);
  page.files.settle();
  assert.deepEqual(page.asked, [["activity.offer", ""], ["activity.stop", "a1"]]);
  assert.equal(page.files.lines[0].state, "failed");
});

test("B-7.5: an offer of which a page that was loaded anew knows nothing is taken back", async () => {
  const page = await sender();
  page.files.settle();
  offered(page, "transfer-3333333333");
  page.files.settle();
  assert.deepEqual([page.files.lines, page.asked], [[], [["activity.stop", "a1"]]]);
});

test("B-7.5: a folder that is being packed at the end is stopped with the rest, and nothing is offered after it", async () => {
  const { files, asked, story } = await sender();
  let found;
  const folders = ["one", "two"].map((name) => ({ name, gather: () => new Promise((resolve) => (found = () => resolve([]))) }));
  const packing = files.offerFolders(folders);
  await until(() => found);
  story.phase = "over";
  files.close();
  assert.equal(files.lines[0].state, "stopped");
  found();
  await packing;
  assert.deepEqual([asked, files.lines.map(({ state, code }) => [state, code])], [[], [["stopped", ""]]]);
});

test("B-7.5: what fails after it was stopped stays stopped", async () => {
  const { files, asked, story } = await sender();
  let fails;
  const packing = files.offerFolders([{ name: "one", gather: () => new Promise((_, reject) => (fails = () => reject(new Error("unreadable")))) }]);
  await until(() => fails);
  story.phase = "over";
  files.close(true);
  fails();
  await packing;
  assert.deepEqual([asked, files.lines.map(({ state, code }) => [state, code])], [[], [["stopped", ""]]]);
});

test("B-7.5: a file waits until somebody has signed in to the network, and goes on when the customer says", async () => {
  const workers = idleWorkers();
  const page = await sender();
  page.files.settle();
  const offering = page.files.offer([new File(["hello"], "a.txt")]);
  await until(() => page.ack);
  page.ack();
  await offering;
  const [line] = page.files.lines;
  const activity = { id: "a1", kind: "file", state: "running", paused: false, subject: "me", seen_by: ["rep"], file: { transfer: line.transfer, size: 5 } };
  page.files.take(activity);
  workers[0].say({ failed: "file_diverted" });
  await until(() => page.asked.length > 1);
  page.files.take({ ...activity, paused: true });
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(page.asked.at(-1), ["activity.update", "a1"]);
  assert.deepEqual([line.state, line.code, workers.length], ["paused", "file_diverted", 1]);
  await page.files.pause(line, false);
  page.files.take(activity);
  assert.deepEqual([line.state, line.code, workers.length], ["running", "", 2]);
});

/** A page whose file is on its way, and the relay's word of it. */
async function sending() {
  const page = await sender();
  page.files.settle();
  const offering = page.files.offer([new File(["hello"], "a.txt")]);
  await until(() => page.ack);
  page.ack();
  await offering;
  const [line] = page.files.lines;
  const activity = { id: "a1", kind: "file", state: "running", paused: false, subject: "me", seen_by: ["rep"], file: { transfer: line.transfer, size: 5 } };
  const hear = (paused) => {
    page.story.session.activities.set("a1", { ...activity, paused });
    page.files.take({ ...activity, paused });
  };
  hear(false);
  page.asked.length = 0;
  return { page, line, hear };
}

test("B-7.5: a pause that the relay did not take holds all the same, and ends when the customer says", async () => {
  const workers = idleWorkers();
  for (const [diverted, why] of [[false, "too_fast"], [true, "file_diverted"]]) {
    const { page, line, hear } = await sending();
    const before = workers.length;
    page.refuses = "too_fast";
    if (diverted) workers.at(-1).say({ failed: "file_diverted" });
    else void page.files.pause(line, true);
    await until(() => line.code === why && page.asked.length === 1);
    page.refuses = "";
    page.files.settle(); // the next connection
    await until(() => page.asked.length === 2);
    assert.deepEqual([line.state, workers.length, page.asked.at(-1)], ["paused", before, ["activity.update", "a1"]]);
    await page.files.pause(line, false);
    assert.deepEqual([line.state, line.code, workers.length], ["running", "", before + 1], "the relay makes no word of its own of it");
    void page.files.pause(line, true);
    hear(true);
    hear(false);
    assert.deepEqual([line.state, workers.length], ["running", before + 2], "the rep lets it go on");
    page.files.close();
  }
});

test("B-7.5: what fails late says nothing over a file that was cancelled meanwhile", async (context) => {
  idleWorkers();
  const { page, line } = await sending();
  context.after(() => (page.story.phase = "over")); // else it is told for ever
  page.refuses = "timeout";
  const pausing = page.files.pause(line, true);
  void page.files.cancel(line);
  await pausing;
  assert.deepEqual([line.state, line.code, page.asked], ["stopped", "", [["activity.update", "a1"], ["activity.stop", "a1"]]]);
});

test("B-7.5: what failed before a file ended says nothing over its end", async () => {
  idleWorkers();
  for (const end of ["denied", "stopped"]) {
    const { page, line } = await sending();
    line.code = "too_fast"; // of a pause that was refused
    const [activity] = page.story.session.activities.values();
    page.files.take({ ...activity, state: "ended", end, ended_by: "rep" });
    assert.deepEqual([line.state, line.code], [end === "denied" ? "declined" : "stopped", ""]);
  }
});

test("B-7.5: what moves a file is told that the page has all it was given", async () => {
  const workers = idleWorkers();
  const { page } = await sending();
  workers[0].say({ wanted: "receipt" });
  assert.deepEqual(workers[0].given, [{ receipt: true }]);
  page.files.close(true);
});

test("B-7.5: a folder that is being packed can be cancelled: the packing stops, and nothing is offered", async () => {
  const { files, asked } = await sender();
  let read = 0;
  let closed = false;
  const endless = () => new ReadableStream({
    async pull(controller) {
      read += 1;
      await new Promise((resolve) => setTimeout(resolve));
      controller.enqueue(new Uint8Array(1_000));
    },
    cancel() {
      closed = true;
    },
  });
  const found = [{ path: "one/a.bin", file: { size: 1_000_000, lastModified: 0, stream: endless } }];
  const packing = files.offerFolders([{ name: "one", gather: async () => found }]);
  await until(() => read > 3);
  const [line] = files.lines;
  assert.equal(line.state, "packing");
  await files.cancel(line);
  await packing;
  assert.ok(closed, "nobody reads on in it");
  assert.deepEqual([asked, line.state, line.code, line.byMe], [[], "stopped", "", true]);
});

test("B-7.5: a dropped folder is read no further once nobody wants it", async () => {
  const { dropped } = await import("../../resources/customer_page/files_folder.js");
  let read = 0;
  const entry = {
    isDirectory: true, name: "deep",
    createReader: () => ({ readEntries: (give) => setTimeout(give, 0, [(read += 1) && entry]) }),
  };
  const [{ gather }] = dropped({ items: [{ kind: "file", webkitGetAsEntry: () => entry }] });
  await assert.rejects(gather(() => read > 5), { name: "AbortError" });
  assert.equal(read, 6);
});
