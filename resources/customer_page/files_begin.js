/** A worker for one file, and another one in its place where it takes its job and does not begin. */

import { address } from "./files_place.js";

/** Longer than a worker takes that finds no other to hash beside it (`files_hash.js`). */
const BEGINS_MS = 15_000;

/**
 * WORKAROUND(Firefox ESR 153): on a busy computer a worker now and then takes its job and says nothing more, no error
 * either: it stands still where it has another one hash beside it (`files_hash.js`). To go when a new Firefox has each of
 * them begin.
 * @param {(data: object, worker: Worker) => void} said hears what it says, but that it waits
 * @param {(patience: number) => void} another is to end it and have another one begin, with that patience
 * @param {number} [patience] how many ms its code may take to come; on a slow line it is still coming
 */
export function beginning(said, another, patience = BEGINS_MS) {
  const worker = new Worker(address(), { type: "module" });
  let late = setTimeout(another, patience, 2 * patience);
  let isOver = false;
  const end = worker.terminate;
  worker.terminate = () => {
    isOver = true;
    clearTimeout(late);
    end.call(worker);
  };
  worker.addEventListener("message", ({ data }) => {
    if (isOver) return; // what was on its way
    clearTimeout(late);
    if (data.wanted === "job" || data.waits) late = setTimeout(another, BEGINS_MS, patience);
    if (!data.waits) said(data, worker);
  });
  return worker;
}
