import assert from "node:assert/strict";
import { test } from "node:test";

import { Nudger, Prober } from "../../resources/customer_page/prober.js";

const seen = (target, lost = 0) => [
  { type: "outbound-rtp", targetBitrate: target * 1_000 },
  { type: "remote-inbound-rtp", fractionLost: lost },
];
const seconds = (prober, count, ...stats) => Array.from({ length: count }, () => prober.look(seen(...stats)));

test("a line that is as good as it ever was is left alone", () => {
  const prober = new Prober();
  assert.deepEqual(seconds(prober, 3, 4_000), [false, false, false]);
  assert.deepEqual(seconds(prober, 3, 3_500), [false, false, false]);
  assert.equal(prober.look([]), false, "a browser that does not tell");
});

const tried = (prober) =>
  seconds(prober, 30, 500).map((probe, second) => (probe ? second : -1)).filter((second) => second >= 0);

test("a line that became narrow is tried at once, then ever more rarely", () => {
  const prober = new Prober();
  seconds(prober, 2, 4_000);
  assert.deepEqual(tried(prober), [0, 1, 2, 4, 8, 16, 24]);
});

test("while packets are lost nothing is added to them; once they come it is tried for as long as losses count", () => {
  const prober = new Prober();
  seconds(prober, 2, 4_000);
  assert.deepEqual(seconds(prober, 5, 500, 0.05), [false, false, false, false, false]);
  assert.deepEqual(tried(prober), [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 14, 22]);
  assert.equal(prober.look(seen(3_900)), false);
  assert.equal(prober.look(seen(500)), true, "another fall begins anew");
  prober.reset();
  assert.equal(prober.look(seen(500)), false, "another connection has another best");
});

test("the bound changes by a little, there and back, and only while there is something to send", async () => {
  const targets = [4_000, 1_000, 1_000];
  let applied = 0;
  const sender = { getStats: async () => new Map(seen(targets.shift()).map((one, at) => [at, one])) };
  let present = sender;
  const nudger = new Nudger(() => present, async () => { applied += 1; });
  await nudger.seek();
  assert.deepEqual([nudger.factor, applied], [1, 0]);
  await nudger.seek();
  assert.ok(nudger.factor < 1 && nudger.factor > 0.9);
  await nudger.seek();
  assert.deepEqual([nudger.factor, applied], [1, 2]);
  present = null;
  await nudger.seek();
  assert.equal(applied, 2);
});
