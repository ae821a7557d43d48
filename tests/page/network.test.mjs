import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { NO_AFTER_MS, Network } from "../../resources/customer_page/network.js";

function watched(value = "unknown") {
  const told = [];
  return { network: new Network(value, (one) => told.push(one)), told };
}

test("B-2.4: the network is bad only after a long fair try, and good once it was proven", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { network, told } = watched();
  network.look(false, true);
  mock.timers.tick(NO_AFTER_MS - 1);
  network.look(false, true);
  assert.equal(network.value, "unknown");
  mock.timers.tick(1);
  assert.deepEqual(told, ["no"]);
  network.look(true, true);
  network.look(true, true);
  assert.deepEqual(told, ["no", "yes"]);
  mock.timers.reset();
});

test("B-2.4: time without the relay or the rep does not count", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { network, told } = watched();
  network.look(false, true);
  mock.timers.tick(NO_AFTER_MS - 1);
  network.look(false, false);
  mock.timers.tick(NO_AFTER_MS);
  network.look(false, true);
  network.close();
  mock.timers.tick(NO_AFTER_MS);
  assert.deepEqual(told, []);
  mock.timers.reset();
});
