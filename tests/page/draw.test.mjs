import assert from "node:assert/strict";
import { test } from "node:test";

import { Board, Pencil } from "../../resources/customer_page/draw.js";
import { Drawing } from "../../resources/customer_page/drawing.js";
import { Session } from "../../resources/customer_page/session.js";
import { linesOf, pictureIn } from "../../resources/customer_page/sketch.js";

const limits = { draw_points: 64, draw_strokes: 100, draw_kept_points: 4_000, draw_kept_length: 200 * 65_536, draw_colours: 4, participants_per_session: 32 };
const stroke = (number, points, more) => ({ type: "stroke", number, tool: "pen", colour: 0, points, ...more });

test("a board takes what fits and drops what does not", () => {
  const board = new Board(limits);
  assert.ok(board.take("rep", stroke(1, [[0, 0], [9, 9]])));
  assert.ok(board.take("rep", stroke(1, [[20, 20]])));
  assert.deepEqual(board.strokes[0].points, [[0, 0], [9, 9], [20, 20]]);
  for (const bad of [stroke(2, []), stroke(2, [[1, -1], [1, 70_000], ["1", 1], [1], null]), stroke(2.5, [[1, 1]]), stroke(3, "x"), { type: "pointer", x: 1 }, { type: "gun" }]) {
    assert.equal(board.take("rep", bad), false);
  }
  assert.equal(board.take("", stroke(4, [[1, 1]])), false, "nobody's");
  assert.equal(board.take({}, stroke(4, [[1, 1]])), false);
  assert.ok(board.take("rep", stroke(5, [[1, 1]], { tool: "gun", colour: 99 })));
  assert.deepEqual([board.strokes[1].tool, board.strokes[1].colour], ["pen", 3]);
  assert.ok(board.take("rep", { type: "clear", number: 1 }));
  assert.ok(board.take(null, { type: "clear" }), "the hub clears everything");
  assert.equal(board.strokes.length, 0);
});

test("a board has its bounds, and the oldest strokes give way", () => {
  const board = new Board(limits);
  for (let number = 0; number < 120; number += 1) board.take("rep", stroke(number, [[0, 0], [1, 1]]));
  assert.equal(board.strokes.length, 100);
  assert.equal(board.strokes[0].number, 20);
  const points = Array.from({ length: 64 }, (_, at) => [at, at]);
  for (let round = 0; round < 100; round += 1) board.take("rep", stroke(999, points));
  assert.ok(board.strokes.reduce((sum, one) => sum + one.points.length, 0) <= 4_000);
});

test("a pencil speaks thirty times a second, in pieces that fit", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const said = [];
  const pencil = new Pencil(limits, (message) => said.push(message), 1);
  for (let at = 0; at < 100; at += 1) pencil.move([at, at]);
  assert.equal(said.length, 0);
  context.mock.timers.tick(34);
  assert.deepEqual(said.map(({ type, x }) => [type, x]), [["pointer", 99]], "only where it is now");
  pencil.tool = "pen";
  pencil.down([0, 0]);
  assert.deepEqual(said.slice(1).map(({ type, gone }) => [type, gone ?? null]), [["pointer", true], ["stroke", null]]);
  for (let at = 0; at < 100; at += 1) pencil.move([at, 1]);
  context.mock.timers.tick(34);
  context.mock.timers.tick(34);
  assert.deepEqual(said.slice(3).map(({ points }) => points.length), [64, 36]);
  pencil.up();
  pencil.tool = "box";
  pencil.down([5, 5]);
  pencil.move([7, 7]);
  pencil.move([9, 9]);
  pencil.up();
  assert.deepEqual(said.at(-1).points, [[5, 5], [9, 9]]);
  assert.notEqual(said.at(-1).number, said[3].number);
});

function visit(activities, you = "ana") {
  const people = [["rep", "controller", "Maria"], ["ana", "primary", "Ana"], ["eva", "secondary", "Eva"]];
  const session = new Session({
    id: "s", number: "1", state: "active", you, seq: 1, activities,
    participants: people.map(([id, role, name]) => ({ id, role, name, connection: "online", joined_at: 1 })),
  });
  const done = { said: [], asked: [] };
  const drawing = new Drawing({
    story: { session }, limits, changed() {}, drawn() {},
    say: (message) => done.said.push(message),
    ask: async (event, payload) => void done.asked.push([event, payload]),
  });
  drawing.follow();
  return { session, drawing, done };
}
const running = (subject, kind = "draw", seen_by = ["ana", "eva", "rep"]) => ({ id: `${kind}-${subject}`, kind, state: "running", asked_by: subject, subject, seen_by });

test("B-7.3: only who draws by the relay's word is shown, by the name that the relay knows", () => {
  const { session, drawing } = visit([running("rep")]);
  drawing.take({ ...stroke(1, [[1, 1]]), by: "rep" });
  drawing.take({ ...stroke(1, [[1, 1]]), by: "eva" });
  drawing.take({ ...stroke(1, [[1, 1]]), by: "stranger" });
  drawing.take(stroke(1, [[1, 1]]));
  assert.deepEqual([...drawing.drawers], [["rep", "Maria"]]);
  assert.deepEqual(drawing.board.strokes.map(({ by }) => by).filter((by) => drawing.drawers.has(by)), ["rep"]);
  session.activities.clear();
  drawing.follow();
  assert.equal(drawing.board.strokes.some(({ by }) => by === "rep"), false, "it ends with its activity");
});

test("B-7.3: stopping the rep's drawing acts here first, and is told when that is possible", async () => {
  const { drawing, done } = visit([running("rep")]);
  drawing.take({ ...stroke(1, [[1, 1]]), by: "rep" });
  const stopping = drawing.end("rep");
  assert.equal(drawing.board.strokes.length, 0);
  assert.equal(drawing.drawers.size, 0);
  await stopping;
  assert.deepEqual(done.asked, [["activity.stop", { activity_id: "draw-rep", reason: "stopped" }]]);
  await drawing.tellWaiting();
  assert.equal(done.asked.length, 2, "until the relay's event says so");
});

test("B-7.3: a customer without the right draws nothing", () => {
  const { drawing, done } = visit([running("rep")]);
  drawing.pencil.tool = "pen";
  drawing.pencil.down([1, 1]);
  assert.equal(done.said.length, 0);
  assert.equal(drawing.may, false, "his own screen is not his to draw on");
});

test("the picture's place in its box, and the lines of an arrow and a box", () => {
  assert.deepEqual(pictureIn(200, 100, 1920, 1080), { x: (200 - 1600 / 9) / 2, y: 0, width: 1600 / 9, height: 100 });
  assert.deepEqual(pictureIn(200, 100, 0, 0), { x: 0, y: 0, width: 200, height: 100 });
  assert.deepEqual(linesOf("box", [0, 0], [2, 1]), [[[0, 0], [2, 0], [2, 1], [0, 1], [0, 0]]]);
  assert.equal(linesOf("arrow", [0, 0], [100, 0])[1][1][0], 100);
});
