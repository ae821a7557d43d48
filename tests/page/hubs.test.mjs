import assert from "node:assert/strict";
import { test } from "node:test";

import { Hubs, LATE_MS, OLD_MS } from "../../resources/customer_page/hubs.js";

/** Hubs whose connections are told what becomes of them; time is the test's own. */
function hubsIn(context) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const made = [];
  const told = { states: [], late: [] };
  const parts = {
    state: (state) => told.states.push(state),
    late: (late) => told.late.push(late),
    ready: () => true,
    tick: () => {},
    signal: async () => {},
  };
  const make = (own) => {
    const one = {
      own, state: "none", epoch: own.epoch, tracks: [], voice: null, closed: false,
      offer() {
        one.epoch += 1;
        one.become("connecting");
      },
      become(state) {
        one.state = state;
        own.state(state);
      },
      setIce() {},
      setVoice(track) {
        one.voice = track;
      },
      async setTrack(track) {
        one.tracks.push(track);
      },
      ensure() {},
      close() {
        one.closed = true;
        one.become("none");
      },
    };
    made.push(one);
    return one;
  };
  return { hubs: new Hubs(parts, make), made, told };
}

test("B-9.2: when control moves, a second connection with a higher epoch goes to the new rep; the old one goes once it stands", (context) => {
  const { hubs, made } = hubsIn(context);
  hubs.follow("maria");
  made[0].become("connected");
  void hubs.setTrack("screen");
  made[0].epoch = 40;
  hubs.follow("dan");
  assert.equal(made.length, 2);
  assert.ok(made[1].epoch > 40);
  assert.equal(made[0].closed, false);
  assert.equal(made[0].tracks.at(-1), null, "the former rep sees nothing more");
  assert.equal(made[0].own.ready(), false, "and is not offered to again");
  assert.equal(made[1].own.ready(), true);
  made[1].become("connected");
  assert.equal(made[0].closed, true);
  assert.equal(hubs.state, "connected");
});

test("the old connection goes after a while also where the new one does not stand", (context) => {
  const { hubs, made, told } = hubsIn(context);
  hubs.follow("maria");
  made[0].become("connected");
  hubs.follow("dan");
  context.mock.timers.tick(OLD_MS - 1);
  assert.equal(made[0].closed, false);
  context.mock.timers.tick(1);
  assert.equal(made[0].closed, true);
  assert.equal(made[1].closed, false, "the new one goes on trying");
  assert.equal(told.late.at(-1), true);
});

test("B-9.5: a voice is on one connection at a time, and goes over to the new one when that stands", (context) => {
  const { hubs, made } = hubsIn(context);
  hubs.setVoice("microphone");
  hubs.follow("maria");
  made[0].become("connected");
  hubs.follow("dan");
  assert.deepEqual([made[0].voice, made[1].voice], ["microphone", null]);
  made[1].become("connected");
  assert.equal(made[1].voice, "microphone");
});

test("B-9.5: whoever talks is heard again also where the new connection comes after the old one has gone", (context) => {
  const { hubs, made } = hubsIn(context);
  hubs.setVoice("microphone");
  hubs.follow("maria");
  made[0].become("connected");
  hubs.follow("dan");
  context.mock.timers.tick(OLD_MS);
  made[1].become("connected");
  assert.equal(made[1].voice, "microphone");
});

test("B-7.7: whoever joins the call while control moves is heard, however long the new connection takes", (context) => {
  const { hubs, made } = hubsIn(context);
  hubs.follow("maria");
  made[0].become("connected");
  hubs.follow("dan");
  hubs.setVoice("microphone");
  context.mock.timers.tick(OLD_MS);
  made[1].become("connected");
  assert.equal(made[1].voice, "microphone");
  hubs.setVoice(null);
  made[1].become("lost");
  made[1].become("connected");
  assert.equal(made[1].voice, null, "and whoever left it is not");
});

test("a hub out of reach is told after a while, once, and taken back when it stands", (context) => {
  const { hubs, made, told } = hubsIn(context);
  hubs.follow("maria");
  context.mock.timers.tick(LATE_MS - 1);
  assert.equal(told.late.includes(true), false);
  made[0].become("lost");
  context.mock.timers.tick(1);
  assert.equal(told.late.at(-1), true);
  made[0].become("connected");
  assert.equal(told.late.at(-1), false);
});

test("signals of anybody but the rep in charge are dropped", (context) => {
  const { hubs, made } = hubsIn(context);
  const taken = [];
  hubs.follow("maria");
  made[0].take = (epoch) => taken.push(epoch);
  hubs.take("dan", 1, {});
  hubs.take("maria", 2, {});
  assert.deepEqual(taken, [2]);
});

test("nobody in charge: no connection, and the next one has a higher epoch", (context) => {
  const { hubs, made, told } = hubsIn(context);
  hubs.follow("maria");
  made[0].become("connected");
  made[0].epoch = 70;
  hubs.leave();
  assert.deepEqual([made[0].closed, hubs.state, told.states.at(-1)], [true, "none", "none"]);
  context.mock.timers.tick(LATE_MS * 2);
  assert.equal(told.late.at(-1), false, "nobody is missed while there is nobody to reach");
  hubs.follow("maria");
  assert.ok(made[1].epoch > 70);
});
