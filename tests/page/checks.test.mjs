import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { browserName, inWords, isPhone, lookAt } from "../../resources/customer_page/checks.js";

const CHROMIUM = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
const EDGE = `${CHROMIUM} Edg/156.0.0.0`;
const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";
const SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15";
const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";

const browser = ({ agent = CHROMIUM, secure = true, media = {}, rtc = true } = {}) => ({
  isSecureContext: secure,
  RTCPeerConnection: rtc ? class {} : undefined,
  navigator: { userAgent: agent, mediaDevices: media },
});
const media = (kinds = ["audioinput", "videoinput"]) => ({ getDisplayMedia() {}, enumerateDevices: async () => kinds.map((kind) => ({ kind })) });

test("B-2.4: a computer's browser can do everything", async () => {
  const report = await lookAt(browser({ media: media() }));
  assert.deepEqual(report, { screen: "yes", microphone: "yes", camera: "yes", network: "unknown", secure: "yes", phone: false, browser: "Chrome 156", file_key: "" });
});

test("B-2.4: a phone, an insecure page and an old browser each get their own reason", async () => {
  const words = async (parts) => inWords(await lookAt(browser(parts)))[0].key;
  assert.equal(await words({ agent: IPHONE, media: { enumerateDevices: async () => [] } }), "check.screen_phone");
  assert.equal(await words({ secure: false, media: undefined }), "check.screen_insecure");
  assert.equal(await words({ media: {} }), "check.screen_no");
});

test("a page that is not secure shows no screen even where the function exists", async () => {
  assert.equal((await lookAt(browser({ secure: false, media: media() }))).screen, "no");
});

test("without WebRTC there is no direct connection, and looking never fails", async () => {
  const failing = { enumerateDevices: async () => Promise.reject(new Error("forbidden")) };
  const report = await lookAt(browser({ rtc: false, media: failing }));
  assert.equal(report.network, "no");
  assert.equal(report.microphone, "unknown");
});

test("browsers are named for what they are", () => {
  assert.deepEqual([CHROMIUM, EDGE, FIREFOX, SAFARI, IPHONE, "x"].map(browserName), ["Chrome 156", "Edge 156", "Firefox 153", "Safari 26", "Safari 18", ""]);
  assert.equal(isPhone(IPHONE, undefined), true);
  assert.equal(isPhone(CHROMIUM, { mobile: true }), true);
  assert.equal(isPhone(FIREFOX, undefined), false);
});

test("every check has its sentence", async () => {
  const known = JSON.parse(readFileSync(new URL("../../resources/translations/en/page.json", import.meta.url), "utf8"));
  for (const value of ["yes", "no", "unknown"]) {
    const report = { screen: value, microphone: value, camera: value, network: value, secure: "yes", phone: false };
    for (const { key } of inWords(report)) assert.ok(key in known, key);
  }
});
