import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { LANGUAGES, Language, bestLanguage } from "../../resources/customer_page/language.js";

const read = (language) => JSON.parse(readFileSync(new URL(`../../resources/translations/${language}/page.json`, import.meta.url), "utf8"));
const own = { en: { hi: "Hello {name}", n: { one: "{count} day", other: "{count} days" } }, ro: { hi: "Bună, {name}", n: { one: "{count} zi", few: "{count} zile", other: "{count} de zile" } } };

test("places are filled in, unknown ones stay visible, values are not patterns", async () => {
  const language = new Language(async (name) => own[name]);
  await language.choose("en");
  assert.equal(language.t("hi", { name: "$& {name}" }), "Hello $& {name}");
  assert.equal(language.t("hi"), "Hello {name}");
  assert.equal(language.t("nothing"), "nothing");
});

test("plural forms are those of the language", async () => {
  const language = new Language(async (name) => own[name]);
  await language.choose("ro");
  const forms = [1, 2, 0, 19, 20, 101, 120].map((count) => language.t("n", { count }));
  assert.deepEqual(forms, ["1 zi", "2 zile", "0 zile", "19 zile", "20 de zile", "101 zile", "120 de zile"]);
});

test("a language is loaded once and can be switched back and forth", async () => {
  let loads = 0;
  const language = new Language(async (name) => {
    loads += 1;
    return own[name];
  });
  for (const name of ["en", "ro", "en"]) await language.choose(name);
  assert.equal(loads, 2);
  assert.equal(language.t("hi", { name: "Ana" }), "Hello Ana");
});

test("a failed load leaves the language as it was", async () => {
  const language = new Language(async (name) => (name === "en" ? own.en : Promise.reject(new Error("offline"))));
  await language.choose("en");
  await assert.rejects(language.choose("ro"));
  assert.equal(language.current, "en");
});

test("the browser's first wish that we speak decides", () => {
  assert.equal(bestLanguage(["de-DE", "ro-MD", "en"]), "ro");
  assert.equal(bestLanguage(["hu"]), "en");
  assert.equal(bestLanguage(["", "constructor", "ro"]), "ro");
});

test("every language of the page has its sentences, with the same keys", () => {
  const keys = Object.keys(read("en"));
  for (const language of Object.keys(LANGUAGES)) assert.deepEqual(Object.keys(read(language)), keys);
});

test("a name written from right to left turns nothing beside it, and others stay as they are", async () => {
  const language = new Language(async (name) => own[name]);
  await language.choose("en");
  const name = "\u05d0".repeat(60);
  assert.equal(language.t("hi", { name }), `Hello \u2068${name}\u2069`);
  assert.equal(language.t("hi", { name: "Ștefan Ţ." }), "Hello Ștefan Ţ.");
  assert.equal(language.list([name, "Ana"]), `\u2068${name}\u2069 and Ana`);
});

test("of two wishes the later one counts, whichever is loaded first", async () => {
  const loads = new Map();
  const language = new Language((name) => new Promise((done) => loads.set(name, () => done({ a: name }))));
  const first = language.choose("ro");
  const second = language.choose("en");
  loads.get("en")();
  await second;
  loads.get("ro")();
  await first;
  assert.equal(language.current, "en");
});

test("the time is written as where the person lives, and as the representative's app writes it", async () => {
  const at = new Date(2026, 10, 30, 15, 8).getTime();
  for (const [wish, written] of [["en-US", /^3:08\sPM$/], ["en-GB", /^15:08$/], ["ro-RO", /^15:08$/]]) {
    const language = new Language(async (name) => own[name], [wish]);
    await language.choose(wish.slice(0, 2));
    assert.match(language.time(at), written);
  }
});
