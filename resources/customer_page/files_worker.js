/** Moves one file beside the page: reads, seals and sends it, or fetches, opens, writes and checks it. */

import { HashBeside } from "./files_hash.js";
import { Lasting, Problem } from "./files_problem.js";
import { CHUNK, SEALED, Seal, TAG, inHex } from "./files_seal.js";
import { Source } from "./files_source.js";

const PART_CHUNKS = 32;
/** So many chunks are opened at a time: few enough for their memory to be used again at once. */
const AT_ONCE = 4;
/** So many are handed on together to be hashed. */
const HASHED_CHUNKS = 8;
/** Drawing costs more than it tells when it is done more often. */
const TELL_MS = 250;
const AGAIN_MS = [200, 500, 1_000, 2_000, 4_000];
const PART_MS = 120_000;
/** So many tickets in a row, in half a minute, are spent on what may pass but need not. */
const LASTING_TRIES = 10;
/** So often the file is tried that another worker has open, for a minute. */
const LOCKED_TRIES = 600;
/** Asking again gives the same answer. */
const REFUSED = new Set([400, 405, 411, 412, 413, 415, 501]);
const tell = (message) => self.postMessage(message);
const waits = () => tell({ waits: true });
let giveTicket = null;
let giveReceipt = null;
let moved = 0;
let toldAt = 0;

self.addEventListener("message", ({ data }) => {
  if (data.ticket) giveTicket?.(data.ticket);
  else if (data.receipt) giveReceipt?.();
  else void start(data);
});
// Only now does anybody listen: what is told to a worker whose modules are still coming is lost.
tell({ wanted: "job" });

async function start(job) {
  try {
    const seal = await Seal.of(job.secret, job.transfer, job.size);
    const digest = job.file ? await send(job, seal) : await receive(job, seal);
    tell({ digest });
  } catch (error) {
    console.warn("file not moved", error.name, error.message);
    tell({ failed: error instanceof Problem ? error.code : "file_stuck" });
  }
}

/** How far it is; not each time, but the first and the last. */
function tellDone(done, size) {
  const now = performance.now();
  if (done < size && toldAt && now - toldAt < TELL_MS) return;
  toldAt = now;
  tell({ done });
}

async function withTickets(work) {
  let lasting = 0;
  for (let failures = 0; ; failures += 1) {
    const before = moved;
    tell({ wanted: "ticket" });
    const ticket = await new Promise((resolve) => (giveTicket = resolve));
    try {
      await work(ticket);
      return;
    } catch (error) {
      lasting = error instanceof Lasting && moved === before ? lasting + 1 : 0;
      if (error instanceof Problem && (!(error instanceof Lasting) || lasting > LASTING_TRIES)) throw error;
    }
    if (moved > before) failures = 0;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS[Math.min(failures, AGAIN_MS.length - 1)]));
  }
}

async function ask(ticket, method, headers, body) {
  const answer = await fetch(ticket.path, {
    method, body, credentials: "omit", cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(PART_MS),
    headers: { Authorization: `Bearer ${ticket.token}`, "Tus-Resumable": "1.0.0", ...headers },
  });
  // The relay's own answer to a void ticket, or a server on the way that lets nobody through.
  if ([401, 403, 404, 410].includes(answer.status)) throw new Lasting("file_refused");
  if (answer.status === 507) throw new Lasting("file_site_full");
  // Not the relay but a network that wants its people to sign in first: it leads elsewhere, or says 200, which the relay never does.
  if (answer.type === "opaqueredirect" || answer.status === 200 || answer.status === 511) throw new Lasting("file_diverted");
  return answer;
}

async function send({ file, size }, seal) {
  const source = new Source(file);
  const hash = await HashBeside.start(waits);
  let hashed = 0;
  let trailer = null;
  let known = 0;
  let chunks = PART_CHUNKS;
  // In one piece: as a Blob it would go through the browser's own process on its way to the network. And always the same
  // piece: whoever is asked to send it has a copy before the next is made.
  const part = new Uint8Array(PART_CHUNKS * SEALED);

  const read = (start, end) => source.read(start, end, hash.memory(end - start));

  async function hashTo(end) {
    while (hashed < end) {
      const bytes = await read(hashed, Math.min(end, hashed + PART_CHUNKS * CHUNK));
      hashed += bytes.length;
      await hash.update([bytes]);
    }
  }

  async function make(offset) {
    const first = Math.floor(offset / SEALED);
    const last = Math.min(first + chunks, seal.chunks);
    const start = Math.min(size, first * CHUNK);
    await hashTo(start);
    let plain = await read(start, Math.min(size, last * CHUNK));
    let unhashed = hashed === start ? plain : null;
    hashed += unhashed?.length ?? 0;
    if (last * CHUNK > size) {
      if (unhashed) await hash.update([unhashed.slice()]);
      unhashed = null;
      trailer ??= await hash.digest();
      tell({ hash: inHex(trailer) }); // before the last part: once that is there, the rep may be done with us
      const whole = new Uint8Array(plain.length + trailer.length);
      whole.set(plain);
      whole.set(trailer, plain.length);
      plain = whole.subarray(Math.max(0, first * CHUNK - size));
    }
    const sealing = [];
    let length = 0;
    async function land() {
      const sealed = await sealing.shift();
      part.set(new Uint8Array(sealed), length);
      length += sealed.byteLength;
    }
    for (let index = first; index < last; index += 1) {
      const at = (index - first) * CHUNK;
      sealing.push(seal.seal(index, plain.subarray(at, at + seal.plainSize(index))));
      if (sealing.length >= AT_ONCE) await land();
    }
    while (sealing.length) await land();
    if (unhashed) await hash.update([unhashed]); // WebCrypto has its own copy by now
    return part.subarray(offset - first * SEALED, length);
  }

  await withTickets(async (ticket) => {
    let { offset } = ticket;
    let ahead = null;
    // The relay keeps what came of a part that was cut: that counts, too.
    if (offset > known) moved += 1;
    known = offset;
    tell({ done: Math.min(size, Math.floor(offset / SEALED) * CHUNK) });
    while (offset < seal.length) {
      const body = await (ahead ?? make(offset));
      const after = offset + body.length;
      const headers = { "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
      const sending = ask(ticket, "PATCH", headers, body);
      sending.catch(() => undefined);
      ahead = after < seal.length ? make(after) : null;
      ahead?.catch(() => undefined);
      try {
        const answer = await sending;
        if (answer.status === 413 && chunks > 1) chunks = Math.max(1, chunks >> 2); // a proxy in between takes less at a time
        else if (REFUSED.has(answer.status)) throw new Problem("file_refused");
        if (answer.status !== 204) throw new Error(String(answer.status));
        offset = Number(answer.headers.get("Upload-Offset"));
        if (offset !== after) throw new Error("offset");
      } catch (error) {
        await ahead?.catch(() => undefined);
        if (error.name === "TimeoutError") chunks = Math.max(1, chunks >> 2); // on a slow line shorter parts show progress
        throw error;
      }
      moved += 1;
      known = offset;
      tellDone(Math.min(size, Math.floor(offset / SEALED) * CHUNK), size);
    }
    await ahead;
  });
  await hashTo(size);
  trailer ??= await hash.digest();
  return inHex(trailer);
}
/**
 * The file that lies here, for this worker alone. The worker of the page that was just loaded anew gives it up when the
 * browser finds the time, on a busy disk after many seconds; to begin anew beside it would lose what is here.
 */
async function open(transfer, pieces) {
  let handle;
  try {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("files", { create: true });
    handle = await folder.getFileHandle(transfer, { create: true });
  } catch {
    return new InMemory(pieces);
  }
  for (let tries = 0; ; tries += 1) {
    try {
      return await handle.createSyncAccessHandle();
    } catch (error) {
      // Firefox says the same of every file in a private window, where nothing lies either.
      if (tries > 20 && !(await sizeOf(handle))) return new InMemory(pieces);
      if (tries > LOCKED_TRIES) throw new Problem(error.name === "NoModificationAllowedError" ? "file_locked" : "file_folder");
    }
    waits();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function sizeOf(handle) {
  try {
    return (await handle.getFile()).size;
  } catch {
    return 0;
  }
}

/** What a call of the file's gives; where it throws, the browser's folder is to blame. */
function ofFolder(call) {
  try {
    return call();
  } catch (error) {
    console.warn("the file's folder", error.name);
    throw new Problem("file_folder");
  }
}

/** Where a private window keeps nothing: in memory, with the page, which outlives a worker that is paused, but no reload. */
class InMemory {
  #pieces;

  constructor(pieces = []) {
    this.#pieces = pieces;
  }

  getSize() {
    return this.#pieces.reduce((length, { size }) => length + size, 0);
  }

  read(bytes, { at }) {
    bytes.set(new Uint8Array(new FileReaderSync().readAsArrayBuffer(this.#pieces[at / CHUNK])));
  }

  write(bytes, { at }) {
    const piece = new Blob([bytes]);
    this.#pieces[at / CHUNK] = piece;
    tell({ piece, number: at / CHUNK });
    return bytes.length;
  }

  /** Until the page has all of it: what is still on its way there goes with this worker, and the relay must not forget it. */
  async settled() {
    tell({ wanted: "receipt" });
    await new Promise((resolve) => (giveReceipt = resolve));
  }

  truncate() {
    tell({ memory: new Blob(this.#pieces) });
  }

  close() {}
}

/** Bodies of answers, read into the same memory again and again: fresh memory for each costs as much as opening them. */
class Bodies {
  #spare = [];

  /** The body of an answer of at most so many bytes. */
  async read(answer, most) {
    let reader;
    try {
      reader = answer.body.getReader({ mode: "byob" });
    } catch {
      const whole = await answer.arrayBuffer(); // a browser that cannot
      if (whole.byteLength > most) throw new Error("more than was asked for");
      return new Uint8Array(whole);
    }
    let buffer = this.#spare.pop();
    if (!buffer || buffer.byteLength <= most) buffer = new ArrayBuffer(most + 1); // one more shows a body that is too long
    for (let length = 0; ; ) {
      const { done, value } = await reader.read(new Uint8Array(buffer, length, most + 1 - length));
      buffer = value?.buffer;
      if (done) return new Uint8Array(buffer, 0, length);
      length += value.length;
      if (length > most) throw new Error("more than was asked for");
    }
  }

  giveBack({ buffer }) {
    this.#spare.push(buffer);
  }
}

async function receive({ transfer, size, pieces }, seal) {
  // The file last: a worker that stands still in this step can be ended, but what it has open stays so (`files_hash.js`).
  const hash = await HashBeside.start(waits);
  waits(); // the page's patience begins anew: a worker that is ended while it opens the file keeps it locked
  const target = await open(transfer, pieces);
  tell({ begun: true }); // what was kept is read first, which may take its time
  let next = Math.floor(Math.min(ofFolder(() => target.getSize()), size) / CHUNK);
  let trailer = new Uint8Array(0);
  for (let index = 0; index < next; index += 1) {
    const buffer = new Uint8Array(CHUNK);
    ofFolder(() => target.read(buffer, { at: index * CHUNK }));
    await hash.update([buffer]);
  }
  tell({ done: next * CHUNK });

  function write(bytes, at) {
    try {
      if (target.write(bytes, { at }) === bytes.length) return;
    } catch (error) {
      if (error.name !== "QuotaExceededError") throw new Lasting("file_folder");
    }
    throw new Problem("file_no_room");
  }

  /** Open, write and hash the whole chunks of these bytes; says how many bytes that were. */
  async function take(bytes) {
    const opening = [];
    let at = 0;
    let opened = [];
    async function land() {
      const chunk = await opening.shift();
      const start = next * CHUNK;
      const content = new Uint8Array(chunk, 0, Math.max(0, Math.min(chunk.byteLength, size - start)));
      write(content, start);
      const rest = new Uint8Array(chunk, content.length);
      if (rest.length) trailer = new Uint8Array([...trailer, ...rest]);
      next += 1;
      opened.push(content);
      if (opened.length >= HASHED_CHUNKS) await hashOpened();
    }
    async function hashOpened() {
      const chunks = opened;
      opened = [];
      if (chunks.length) await hash.update(chunks);
    }
    try {
      for (let index = next; index < seal.chunks; index += 1) {
        const length = seal.plainSize(index) + TAG;
        if (bytes.length - at < length) break;
        const chunk = seal.open(index, bytes.subarray(at, at + length)).catch(() => {
          throw new Problem("file_damaged");
        });
        chunk.catch(() => undefined); // it is looked at in its turn
        opening.push(chunk);
        at += length;
        if (opening.length >= AT_ONCE) await land();
      }
      while (opening.length) await land();
    } finally {
      await hashOpened(); // what is written counts as here, whatever came after it
    }
    return at;
  }

  let most = PART_CHUNKS * SEALED;
  const bodies = new Bodies();
  try {
    await withTickets(async (ticket) => {
      let rest = new Uint8Array(0);
      const fetchFrom = async (start, kept) => {
        try {
          const answer = await ask(ticket, "GET", { Range: `bytes=${start}-${start + most - 1}`, "Upload-Kept": String(kept) });
          if (answer.status === 204) return new Uint8Array(0);
          // The relay has less for us, or has forgotten more, than lies here: it was taken from under us.
          if (answer.status === 416 && start === kept) throw new Problem(target instanceof InMemory ? "file_forgotten" : "file_damaged");
          if (REFUSED.has(answer.status)) throw new Problem("file_refused");
          if (answer.status !== 206) throw new Error(String(answer.status));
          return await bodies.read(answer, most);
        } catch (error) {
          // A slow line: what came in time is lost, so that less is asked for from now on.
          if (error.name === "TimeoutError") most = Math.max(SEALED, Math.floor(most / 4));
          throw error;
        }
      };
      let ahead = null;
      while (next < seal.chunks) {
        await target.settled?.();
        const kept = next * SEALED;
        const data = await (ahead ?? fetchFrom(kept + rest.length, kept));
        const start = kept + rest.length + data.length;
        ahead = start < seal.length ? fetchFrom(start, kept) : null;
        ahead?.catch(() => undefined);
        if (!data.length) continue;
        const whole = rest.length ? new Uint8Array(rest.length + data.length) : data;
        if (rest.length) {
          whole.set(rest);
          whole.set(data, rest.length);
        }
        rest = whole.slice(await take(whole));
        bodies.giveBack(data);
        moved += 1;
        tellDone(Math.min(size, next * CHUNK), size);
      }
    });
    const digest = inHex(await hash.digest());
    if (digest !== inHex(trailer)) throw new Problem("file_damaged");
    ofFolder(() => target.truncate(size));
    return digest;
  } finally {
    target.close();
  }
}
