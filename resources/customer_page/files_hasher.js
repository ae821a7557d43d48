/** Hashes one file beside the worker that moves it: pieces come, each is answered; nothing at all asks for the digest. */

import { hasher } from "./files_hash.js";

const ready = hasher();

self.addEventListener("message", async ({ data }) => {
  const hash = await ready;
  for (const piece of data ?? []) hash.update(piece);
  self.postMessage(data ? null : hash.digest());
});
// Only now is anybody listening.
self.postMessage(null);
