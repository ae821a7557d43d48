import assert from "node:assert/strict";
import { test } from "node:test";

import { Language } from "../../resources/customer_page/language.js";
import { Notes } from "../../resources/customer_page/notes.js";
import { Session } from "../../resources/customer_page/session.js";
import { Story } from "../../resources/customer_page/story.js";
import { summaryOf } from "../../resources/customer_page/summary.js";
import { Survey } from "../../resources/customer_page/survey.js";

const HOSTILE = '<img src=x onerror=alert(1)>"\'&';
const person = (id, role, name) => ({ id, role, name, connection: "online", joined_at: 1_000 });
const line = (seq, sender, text) => ({ id: `l${seq}`, seq, at: seq, sender, sender_name: sender, text });
const sentences = {
  "summary.title": "Summary", "summary.number": "Number {number}", "summary.when": "{from} to {to}", "summary.agreed": "Agreed",
  "summary.you_read": "You read", "summary.who": "Who", "chat.title": "Messages", "chat.you": "You", "role.controller_then": "led",
  "role.assistant_then": "assisted", "role.primary_then": "was helped", "summary.form": "Form", "over.ended_by_rep.then": "{name} ended it", "note.shown_window": "Shown to {names}", "mark.accepted": "{name} is with you",
  "rep.somebody": "Somebody",
};

async function summary(more = {}, notes = []) {
  const language = new Language(async () => sentences);
  await language.choose("en");
  const session = new Session({
    id: "s", number: "482119903", mode: "multi", state: "active", seq: 10, started_at: 1, you: "me",
    participants: [person("rep", "controller", HOSTILE), person("me", "primary", "Ana")], ...more,
  });
  session.take({ seq: 11, at: 1, fact: { type: "participant_left", participant_id: "rep" } });
  return summaryOf({ session, notes, over: { at: Date.UTC(2026, 10, 22, 12) }, company: "A & B", language });
}

test("B-12.7: the summary says who, when, what was written, and what was shared and agreed", async () => {
  const notes = [{ id: "n", at: 1, after: 5, key: "note.shown_window", places: { names: ["Maria", "Dan"] }, words: "May I?", lasting: true }];
  const { name, html } = await summary({ chat: [line(4, "rep", "hello"), line(6, "me", "it works")], marks: [{ seq: 5, at: 1, kind: "accepted", name: "Maria" }] }, notes);
  assert.equal(name, "support-482119903-2026-11-22.html");
  for (const text of ["482 119 903", "A &amp; B", ": led<", "Ana</bdi> (You): was helped", "Shown to Maria and Dan", "May I?", "Nov 22, 2026"]) assert.ok(html.includes(text), text);
  const order = ["hello", "Maria is with you", "it works"].map((text) => html.indexOf(text));
  assert.deepEqual(order.toSorted((a, b) => a - b), order);
  assert.ok(order.every((place) => place > 0));
});

test("B-12.7: each rep stands there once, whoever comes back; and what the form said and who ended it", async () => {
  const language = new Language(async () => sentences);
  await language.choose("en");
  const session = new Session({
    id: "s", number: "482119903", mode: "multi", state: "active", seq: 10, started_at: 1, you: "me",
    participants: [person("m1", "controller", "Maria"), person("me", "primary", "Ana"), person("o", "secondary", "Ana")],
  });
  session.wrote = "It prints <b>blank</b>";
  session.take({ seq: 11, at: 1, fact: { type: "participant_left", participant_id: "m1" } });
  session.take({ seq: 12, at: 1, fact: { type: "participant_joined", participant: person("m2", "assistant", "Maria") } });
  session.take({ seq: 13, at: 1, fact: { type: "participant_changed", participant: person("m2", "controller", "Maria") } });
  const over = { why: "ended_by_rep", name: "Maria", at: 1 };
  const { html } = summaryOf({ session, notes: [], over, company: "A", language });
  const who = html.slice(html.indexOf("<ul>"), html.indexOf("</ul>"));
  assert.equal(who.match(/Maria/g).length, 1);
  assert.equal(who.match(/Ana/g).length, 2); // two customers of one name are two people
  assert.ok(who.includes("Maria</bdi>: led and assisted"));
  for (const text of ["Maria ended it", "It prints &lt;b&gt;blank&lt;/b&gt;"]) assert.ok(html.includes(text), text);
});

test("what strangers wrote is text in the summary, never markup", async () => {
  const { html } = await summary({ chat: [line(4, "rep", HOSTILE)] }, [{ id: "n", at: 1, after: 1, key: "note.shown_window", places: { names: [HOSTILE] }, words: HOSTILE, lasting: true }]);
  assert.equal(html.includes("<img"), false);
  assert.equal(html.match(/&lt;img/g).length, 5); // who, shown to (twice), read, written
  assert.equal(/<(script|link|iframe)/.test(html), false);
});

test("what was shared and agreed outlives a connection that comes and goes all night", () => {
  let saved = [];
  const notes = new Notes((list) => (saved = list));
  notes.add({ at: 1, after: 0, key: "note.shown_window", lasting: true });
  for (let time = 0; time < 500; time += 1) notes.add({ at: time, after: 0, key: "notice.lost" });
  assert.equal(saved.length, 100);
  assert.equal(saved[0].key, "note.shown_window");
  assert.equal(new Set(saved.map((note) => note.id)).size, 100);
});

function surveyOf(role, answer) {
  const story = new Story();
  story.session = new Session({ id: "s", number: "482119903", state: "ended", seq: 1, you: "me", participants: [person("me", role, "Ana")] });
  const asked = [];
  let sent = 0;
  const survey = new Survey({ story, changed: () => {}, sent: () => (sent += 1), ask: async (event, payload) => (asked.push([event, payload]), answer?.()) });
  return { survey, story, asked, sent: () => sent };
}

test("B-12.7: whoever was in it is asked how it went, once the session is over for everybody", () => {
  for (const [role, reason, state] of [
    ["primary", "ended_by_rep", "open"], ["secondary", "controller_lost", "open"], ["waiting", "ended_by_rep", "none"], ["primary", "left", "none"], ["primary", "removed", "none"],
  ]) {
    const { survey, story } = surveyOf(role);
    survey.begin(reason);
    assert.equal(story.survey, state, `${role} ${reason}`);
  }
});

test("an answer that does not get through is kept and can be sent again", async () => {
  let refuse = "offline";
  const { survey, story, asked, sent } = surveyOf("primary", () => {
    if (refuse) throw Object.assign(new Error(refuse), { code: refuse });
  });
  survey.begin("ended_by_rep");
  await survey.send(5, "thank you");
  assert.deepEqual([story.survey, story.hint.key, sent()], ["open", "survey.offline", 0]);
  refuse = "relay_busy";
  await survey.send(5, "thank you");
  assert.deepEqual([story.survey, story.hint.key, sent()], ["open", "survey.failed", 0]);
  refuse = "";
  await survey.send(5, "thank you");
  assert.deepEqual([story.survey, story.hint, sent()], ["sent", null, 1]);
  assert.deepEqual(asked[2], ["survey.send", { rating: 5, comment: "thank you" }]);
});
