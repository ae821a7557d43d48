/** A folder as one archive (ZIP, nothing compressed): a blob made of the files themselves, so that nothing is held. */

const MOST_FILES = 65_000;
const MOST_BYTES = 2 ** 32 - 2 ** 26;
const UTF8 = 0x0800;
/** So long the page may be busy with it before it looks up. */
const BUSY_MS = 40;
const OLDEST = new Date(1980, 0, 1);
const TABLE = Uint32Array.from({ length: 256 }, (_, number) => {
  for (let bit = 0; bit < 8; bit += 1) number = number & 1 ? (number >>> 1) ^ 0xedb88320 : number >>> 1;
  return number;
});

/** What was dropped, files and folders; to be called within the event, for afterwards nothing of it is there. */
export function dropped(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  return items.map((item) => {
    const entry = item.webkitGetAsEntry?.();
    return entry?.isDirectory ? { name: entry.name, gather: (isStopped) => inside(entry, isStopped) } : { file: item.getAsFile() };
  });
}

/** Folders of a field that chooses folders. */
export function chosen(files) {
  const folders = new Map();
  for (const file of files) {
    const [name] = file.webkitRelativePath.split("/");
    if (!folders.has(name)) folders.set(name, []);
    folders.get(name).push({ path: file.webkitRelativePath, file });
  }
  return [...folders].map(([name, found]) => ({ name, gather: async () => found }));
}

/** Nobody wants it any more. */
function ifWanted(isStopped) {
  if (isStopped?.()) throw new DOMException("", "AbortError");
}

async function inside(entry, isStopped, path = entry.name, found = []) {
  ifWanted(isStopped);
  if (entry.isFile) found.push({ path, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
  else {
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) break;
      for (const one of some) await inside(one, isStopped, `${path}/${one.name}`, found);
      if (found.length > MOST_FILES) break;
    }
  }
  return found;
}

async function checksum(file, isStopped) {
  let crc = -1;
  const reader = file.stream().getReader();
  let since = performance.now();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return ~crc >>> 0;
    // Where the disk is faster than this, the next piece is always there already, and nothing else would have its turn.
    if (performance.now() - since > BUSY_MS) {
      await new Promise((resolve) => setTimeout(resolve));
      since = performance.now();
    }
    if (isStopped?.()) await reader.cancel();
    ifWanted(isStopped);
    for (let at = 0; at < value.length; at += 1) crc = TABLE[(crc ^ value[at]) & 255] ^ (crc >>> 8);
  }
}

function numbers(...pairs) {
  const view = new DataView(new ArrayBuffer(pairs.reduce((length, [size]) => length + size, 0)));
  let at = 0;
  for (const [size, value] of pairs) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return view.buffer;
}

function stamp(file) {
  const when = new Date(Math.max(file.lastModified, OLDEST));
  const time = (when.getHours() << 11) | (when.getMinutes() << 5) | (when.getSeconds() >> 1);
  return (((when.getFullYear() - 1980) << 9) | ((when.getMonth() + 1) << 5) | when.getDate()) * 65_536 + time;
}

/**
 * The archive (PKWARE APPNOTE 6.3.10, 4.3): the same bytes each time for the same files.
 * @param {string} name of the folder
 * @param {Array<{path: string, file: File}>} found
 * @param {() => boolean} [isStopped] whether nobody wants it any more
 * @returns {Promise<File>}
 * @throws {DOMException} `AbortError` once nobody wants it
 */
export async function zipped(name, found, isStopped) {
  const total = found.reduce((length, { file }) => length + file.size, 0);
  if (found.length > MOST_FILES || total > MOST_BYTES) throw Object.assign(new Error(), { code: "file_folder_large" });
  const parts = [];
  const directory = [];
  let offset = 0;
  let newest = 0;
  for (const { path, file } of found.sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const raw = new TextEncoder().encode(path.toWellFormed?.() ?? path);
    const crc = await checksum(file, isStopped);
    const same = [[2, UTF8], [2, 0], [4, stamp(file)], [4, crc], [4, file.size], [4, file.size], [2, raw.length], [2, 0]];
    parts.push(numbers([4, 0x04034b50], [2, 20], ...same), raw, file);
    directory.push(numbers([4, 0x02014b50], [2, 20], [2, 20], ...same, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]), raw);
    offset += 30 + raw.length + file.size;
    newest = Math.max(newest, file.lastModified);
  }
  const length = directory.reduce((sum, part) => sum + part.byteLength, 0);
  const count = found.length;
  const end = numbers([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, length], [4, offset], [2, 0]);
  return new File([...parts, ...directory, end], `${name}.zip`, { type: "application/zip", lastModified: newest });
}
