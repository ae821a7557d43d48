import assert from "node:assert/strict";
import { test } from "node:test";

import { HashBeside } from "../../resources/customer_page/files_hash.js";

const HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

test("B-7.5: a hash worker that never begins is given up, and the file is hashed all the same", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const made = [];
  globalThis.Worker = class {
    constructor() {
      made.push(this);
    }
    addEventListener() {}
    terminate() {
      this.ended = true;
    }
  };
  try {
    let late = 0;
    const starting = HashBeside.start(() => (late += 1));
    for (let tries = 0; tries < 2; tries += 1) {
      assert.equal(made.length, tries + 1);
      context.mock.timers.tick(5_000);
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    }
    const hash = await starting;
    assert.equal(late, 1, "whoever waits for it is told");
    assert.deepEqual(made.map(({ ended }) => ended), [true, true]);
    await hash.update([new TextEncoder().encode("hello")]);
    assert.equal(Buffer.from(await hash.digest()).toString("hex"), HELLO);
  } finally {
    delete globalThis.Worker;
  }
});
