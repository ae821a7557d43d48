/** Where what comes is kept: a folder of the origin's private file system; and the worker that fills it. */

const SAVED_MS = 60_000;
/** So long a file is tried to be removed that a worker which was ended still has open. */
const LOCKED_MS = 60_000;
const AGAIN_MS = 100;
const IN_MEMORY = 500_000_000;

export async function folder() {
  return (await navigator.storage.getDirectory()).getDirectoryHandle("files", { create: true });
}

/**
 * How large a file may be.
 * @param {number} [site] bytes that this site takes at most
 * @returns {Promise<{bytes: number, lasting: boolean, bySite: boolean}>} whether it outlasts a reload, and whether it is
 *   the site that takes no more
 */
export async function room(site = Infinity) {
  const { quota = 0, usage = 0 } = await navigator.storage.estimate();
  let lasting = true;
  try {
    await navigator.storage.getDirectory();
  } catch {
    lasting = false;
  }
  const free = Math.max(0, Math.floor((quota - usage) * 0.9));
  const fits = lasting ? free : Math.min(free || IN_MEMORY, IN_MEMORY);
  return { bytes: Math.min(fits, site), lasting, bySite: site < fits };
}

let policy = null;
export function address() {
  policy ??= globalThis.trustedTypes?.createPolicy("files", { createScriptURL: (url) => url }) ?? { createScriptURL: (url) => url };
  return policy.createScriptURL("/page/files_worker.js");
}

/** @param {string} transfer @returns {Promise<File>} what came of it */
export async function kept(transfer) {
  return (await (await folder()).getFileHandle(transfer)).getFile();
}

/**
 * A worker that is ended lets go of its file only when the browser finds the time; until then it cannot be removed
 * (File System, "removeEntry": `NoModificationAllowedError`).
 * @param {string} transfer whose content goes, if there is any
 * @param {{patience?: number, signal?: ?AbortSignal}} [how] for so many milliseconds while a worker has it open, 0 for
 *   one try; and what says that it is nobody's business here any more
 */
export async function remove(transfer, { patience = LOCKED_MS, signal = null } = {}) {
  const until = Date.now() + patience;
  while (!signal?.aborted) {
    try {
      await (await folder()).removeEntry(transfer);
      return;
    } catch (error) {
      // Any other: it was not there, or nothing is kept at all.
      if (error.name !== "NoModificationAllowedError" || Date.now() >= until) return;
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/** Have the browser save it as it saves any download. @param {Blob} content @param {string} name */
export function saveAs(content, name) {
  const url = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), SAVED_MS);
}
