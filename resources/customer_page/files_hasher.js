/** Hashes one file beside the worker that moves it: pieces come and go back; nothing at all asks for the digest. */

import { hasher } from "./files_hash.js";

const ready = hasher();

self.addEventListener("message", async ({ data }) => {
  const hash = await ready;
  for (const piece of data ?? []) hash.update(piece);
  if (!data) return void self.postMessage(hash.digest());
  const memory = data.map(({ buffer }) => buffer);
  self.postMessage(memory, memory);
});
// Only now is anybody listening.
self.postMessage(null);
