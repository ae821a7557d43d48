import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { beginning } from "../../resources/customer_page/files_begin.js";

const [QUARTER, HALF] = [15_000, 30_000];

/** A worker that says what the test has it say. */
class Worker {
  ended = false;
  addEventListener(kind, listener) {
    if (kind === "message") this.say = (data) => listener({ data });
  }
  terminate() {
    this.ended = true;
  }
}

let said;
let wanted;
const begin = (...patience) => beginning((data) => said.push(data), (next) => wanted.push(next), ...patience);

beforeEach((context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  globalThis.Worker = Worker;
  [said, wanted] = [[], []];
});
afterEach(() => delete globalThis.Worker);

test("B-7.5: a file's worker whose code does not come is replaced by one that has twice the time", (context) => {
  begin();
  context.mock.timers.tick(QUARTER - 1);
  assert.deepEqual(wanted, []);
  context.mock.timers.tick(1);
  assert.deepEqual(wanted, [HALF]);
  begin(HALF);
  context.mock.timers.tick(HALF);
  assert.deepEqual(wanted, [HALF, 2 * HALF]);
});

test("B-7.5: one that takes its job and says nothing more is replaced, with the same time again", (context) => {
  const worker = begin(HALF);
  worker.say({ wanted: "job" });
  context.mock.timers.tick(QUARTER);
  assert.deepEqual(wanted, [HALF]);
});

test("B-7.5: one that waits for the file says so, and goes on waiting; the page hears nothing of it", (context) => {
  const worker = begin();
  worker.say({ wanted: "job" });
  for (let times = 0; times < 3; times += 1) {
    context.mock.timers.tick(QUARTER - 1);
    worker.say({ waits: true });
  }
  assert.deepEqual([wanted, said], [[], [{ wanted: "job" }]]);
  context.mock.timers.tick(QUARTER);
  assert.deepEqual(wanted, [QUARTER], "now it stands still");
});

test("B-7.5: one that has begun is left alone, however long what it does takes", (context) => {
  const worker = begin();
  worker.say({ wanted: "job" });
  worker.say({ begun: true });
  context.mock.timers.tick(100 * QUARTER);
  assert.deepEqual([wanted, said], [[], [{ wanted: "job" }, { begun: true }]]);
});

test("B-7.5: one that was ended is neither replaced nor heard any more", (context) => {
  const worker = begin();
  worker.say({ wanted: "job" });
  worker.terminate();
  worker.say({ done: 7 });
  context.mock.timers.tick(QUARTER);
  assert.deepEqual([worker.ended, wanted, said], [true, [], [{ wanted: "job" }]]);
});
