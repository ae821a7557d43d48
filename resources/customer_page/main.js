/** The page's start: fetches the protocol and the language, joins the parts, and listens to the browser. */

import { lookAt } from "./checks.js";
import { Entry, queueOf } from "./entry.js";
import { Frame } from "./frame.js";
import { Keep } from "./keep.js";
import { Language, bestLanguage } from "./language.js";
import { Screens } from "./screens.js";
import { Story } from "./story.js";
import { io } from "./vendor/socket.io.esm.min.js";
import { Visit } from "./visit.js";
import { Wire, options } from "./wire.js";

/** @param {string} url @returns {Promise<any>} */
async function json(url) {
  const answer = await fetch(url, { credentials: "omit" });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer.json();
}

/** @param {string} slug @returns {Promise<object>} the relay's ack, whatever it says */
async function askQueue(slug) {
  const answer = await fetch(`/api/queue/${slug}`, { credentials: "omit", cache: "no-store" });
  return answer.json();
}

/** @param {() => Storage} open @returns {?Storage} nothing where the browser forbids it */
function storage(open) {
  try {
    return open();
  } catch {
    return null;
  }
}

/**
 * The link's token. It stays in the fragment: a reload and the same link come back, and it never goes to the server
 * as part of an address.
 * @returns {?string}
 */
function linkToken() {
  const found = location.hash.slice(1);
  return /^[A-Za-z0-9_-]{20,128}$/.test(found) ? found : null;
}

/** @returns {string} the language chosen on the site's own pages, empty if none */
function siteLanguage() {
  return document.cookie.match(/(?:^|; )language=([a-z]{2})(?:;|$)/)?.[1] ?? "";
}

async function start() {
  const keep = new Keep(storage(() => sessionStorage), storage(() => localStorage));
  const language = new Language((name) => json(`/page/translations/${name}.json`), navigator.languages);
  const wanted = keep.language ?? bestLanguage([siteLanguage(), ...navigator.languages]);
  const [protocol, report] = await Promise.all([json("/page/protocol.json"), lookAt(window), language.choose(wanted)]);
  const story = new Story();
  let frame = null;
  let screens = null;
  let planned = false;
  const draw = () => {
    planned = false;
    frame.settle();
    const field = frame.writing;
    screens.draw();
    frame.draw(screens.heading);
    screens.show(field);
  };
  // Several things change at once; they are drawn together, and a hidden tab has no animation frames.
  const changed = () => {
    if (planned) return;
    planned = true;
    queueMicrotask(draw);
  };
  const wire = new Wire(io(location.origin, options(protocol, wanted)), protocol.codes);
  const slug = queueOf(location.pathname);
  const entry = slug && new Entry(slug, {
    fetch: askQueue,
    changed: () => {
      story.entry = entry.state;
      changed();
    },
  });
  const visit = new Visit({
    protocol, wire, keep, story, language, report, changed, entry: entry || null,
    media: navigator.mediaDevices,
    linkToken: linkToken(),
    notify: (notice) => frame.notify(notice),
  });
  frame = new Frame(visit, language, protocol.limits.text_chars, async (name) => {
    try {
      await language.choose(name);
      keep.language = name;
    } catch {
      frame.notify({ key: "notice.language_failed", tone: "warning" });
      document.getElementById("language").value = language.current;
    }
    changed();
  });
  screens = new Screens(document.getElementById("card"), visit, language, (text) => frame.say(text));
  listen(visit, story);
  changed();
  visit.start();
}

/** @param {Visit} visit @param {Story} story */
function listen(visit, story) {
  window.addEventListener("online", () => void visit.networkChanged());
  window.addEventListener("pagehide", () => visit.closing());
  // Back from the browser's cache of left pages: the old connections are gone, so begin anew.
  let reloading = false;
  window.addEventListener("pageshow", (event) => {
    reloading = event.persisted;
    if (reloading) location.reload();
  });
  window.addEventListener("beforeunload", (event) => {
    if (story.warnsOnClosing && !reloading) event.preventDefault();
  });
  window.addEventListener("hashchange", () => location.reload());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void visit.wake());
  navigator.mediaDevices?.addEventListener?.("devicechange", async () => visit.updateReport(await lookAt(window)));
}

start().catch((error) => {
  console.error(error);
  // Without its own files the page has no sentences either: what index.html brought along is shown at once.
  document.getElementById("card").removeAttribute("aria-busy");
  document.getElementById("late").className = "";
});
