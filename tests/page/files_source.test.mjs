/** The file that is sent, read in order: by stream where the browser can, and known to be the same all the time. */

import assert from "node:assert/strict";
import { test } from "node:test";

const content = Uint8Array.from({ length: 300_000 }, (_, at) => (at * 7) % 251);
let slices = [];
let wrong = null;

globalThis.FileReaderSync = class {
  readAsArrayBuffer({ bytes }) {
    if (wrong) throw new DOMException("", wrong);
    slices.push(bytes.length);
    return bytes.slice().buffer;
  }
};

const { Source } = await import("../../resources/customer_page/files_source.js");

function chosen({ streams = true, ends = Infinity } = {}) {
  slices = [];
  wrong = null;
  const opened = [];
  const slice = (start, end) => ({
    bytes: content.subarray(start, end),
    stream() {
      if (!streams) throw new TypeError("no such thing");
      opened.push(start);
      return new Blob([content.subarray(start, Math.min(end ?? Infinity, ends))]).stream();
    },
  });
  return { file: { slice }, opened };
}

async function same(source, start, end) {
  assert.deepEqual(await source.read(start, end, new ArrayBuffer(end - start)), content.subarray(start, end));
}

test("B-7.5: one stream gives all that is read in order, another what is read again", async () => {
  const { file, opened } = chosen();
  const source = new Source(file);
  for (const [start, end] of [[0, 100_000], [100_000, 250_000], [250_000, 300_000], [300_000, 300_000], [90_000, 300_000]]) await same(source, start, end);
  assert.deepEqual(opened, [0, 90_000]);
  assert.ok(slices.every((length) => length === 1), "a slice only says that it is still the same file");
});

test("B-7.5: a browser whose files have no such stream reads slices", async () => {
  const { file } = chosen({ streams: false });
  const source = new Source(file);
  await same(source, 0, 200_000);
  await same(source, 200_000, 300_000);
  assert.deepEqual(slices.filter((length) => length > 1), [200_000, 100_000]);
});

test("B-7.5: a stream that ends too early costs nothing but time", async () => {
  const source = new Source(chosen({ ends: 150_000 }).file);
  await same(source, 0, 100_000);
  await same(source, 100_000, 200_000);
  await same(source, 200_000, 300_000);
});

for (const [name, code] of [["NotFoundError", "file_gone"], ["NotReadableError", "file_changed"]]) {
  test(`B-7.5: while it streams, a file that is no longer the same is noticed: ${code}`, async () => {
    const source = new Source(chosen().file);
    await same(source, 0, 100_000);
    wrong = name;
    await assert.rejects(source.read(100_000, 200_000, new ArrayBuffer(100_000)), { code });
  });
}
