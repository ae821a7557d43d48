import assert from "node:assert/strict";
import { test } from "node:test";

import { Outbox, cleaned, freshId } from "../../resources/customer_page/chat.js";

const failing = (code) => Promise.reject(Object.assign(new Error(code), { code }));

function outbox(send, lines = []) {
  const saved = [];
  const box = new Outbox({ send, lines, save: (all) => saved.push(all.map((line) => line.text)), changed() {}, wait: async () => {} });
  return { box, saved };
}

test("B-12.5: a line is kept until the relay has it, and goes again under the same id", async () => {
  const sent = [];
  let up = false;
  const { box, saved } = outbox((line) => {
    sent.push(line.line_id);
    return up ? Promise.resolve({ seq: 1, at: 1 }) : failing("offline");
  });
  await box.add("hello", 1);
  assert.deepEqual(saved.at(-1), ["hello"]);
  up = true;
  await box.flush();
  assert.equal(sent.length, 2);
  assert.equal(sent[0], sent[1]);
  assert.deepEqual([box.lines, saved.at(-1)], [[], []]);
});

test("lines go in order, one at a time", async () => {
  const sent = [];
  const { box } = outbox(async ({ text }) => {
    sent.push(text);
    return { seq: sent.length, at: 1 };
  });
  await Promise.all([box.add("a", 1), box.add("b", 2), box.add("c", 3)]);
  assert.deepEqual(sent, ["a", "b", "c"]);
});

test("a time-out is tried again, a refusal is shown and does not block the next line", async () => {
  const answers = [() => failing("timeout"), () => failing("transcript_full"), async () => ({ seq: 2, at: 1 })];
  const { box } = outbox(() => answers.shift()());
  await Promise.all([box.add("a", 1), box.add("b", 2)]);
  assert.deepEqual(box.lines.map((line) => [line.text, line.failed]), [["a", "transcript_full"]]);
});

test("a refused line survives a reload and goes again only when told to, under its old id", async () => {
  const sent = [];
  const { box, saved } = outbox(({ line_id: id }) => {
    sent.push(id);
    return sent.length === 1 ? failing("transcript_full") : Promise.resolve({ seq: 1, at: 1 });
  });
  await box.add("a", 1);
  assert.deepEqual(saved.length, 2, "that it was refused is kept too");
  await box.flush();
  assert.equal(sent.length, 1);
  await box.again(box.lines[0].id);
  assert.equal(sent[0], sent[1]);
  assert.deepEqual([box.lines, saved.at(-1)], [[], []]);
});

test("what came back in the transcript is not sent again after a reload", async () => {
  const { box } = outbox(() => assert.fail("sent"), [{ id: "x", text: "a", at: 1 }]);
  box.arrived("x");
  await box.flush();
  assert.deepEqual(box.lines, []);
});

test("text is counted in code points after NFC, as the relay counts", () => {
  assert.equal(cleaned("  e\u0301😀x \n", 2), "é😀");
  assert.equal(cleaned(" \n ", 10), "");
});

test("ids fit the protocol and differ", () => {
  assert.match(freshId(), /^[A-Za-z0-9_-]{32,64}$/);
  assert.notEqual(freshId(), freshId());
});
