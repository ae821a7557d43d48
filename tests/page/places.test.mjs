import assert from "node:assert/strict";
import { test } from "node:test";

import { Wire } from "../../resources/customer_page/wire.js";

test("B-11.2: the line hands on every event of the relay that a customer's page lives by", () => {
  const listeners = new Map();
  const wire = new Wire({ on: (name, listener) => listeners.set(name, listener) }, []);
  const heard = [];
  for (const name of ["welcome", "session.event", "place", "signal", "session.replaced"]) {
    wire.on(name, () => heard.push(name));
    listeners.get(name)?.({});
  }
  assert.deepEqual(heard, ["welcome", "session.event", "place", "signal", "session.replaced"]);
});
