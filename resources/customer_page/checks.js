/** What this browser can do (B-2.4), found out without asking the customer for anything. */

/**
 * @typedef {"yes"|"no"|"unknown"} Capability
 * @typedef {{screen: Capability, microphone: Capability, camera: Capability, network: Capability,
 *   secure: Capability, phone: boolean, browser: string}} DeviceReport the protocol's type of that name
 */

/**
 * The browser's name and major version, for the rep's eyes only: never used to decide anything.
 * @param {string} agent navigator.userAgent
 * @returns {string}
 */
export function browserName(agent) {
  const known = [
    [/Edg\/(\d+)/, "Edge"],
    [/OPR\/(\d+)/, "Opera"],
    [/SamsungBrowser\/(\d+)/, "Samsung Internet"],
    [/Firefox\/(\d+)/, "Firefox"],
    [/FxiOS\/(\d+)/, "Firefox"],
    [/CriOS\/(\d+)/, "Chrome"],
    [/Chrome\/(\d+)/, "Chrome"],
    [/Version\/(\d+).*Safari/, "Safari"],
  ];
  for (const [pattern, name] of known) {
    const match = agent.match(pattern);
    if (match) return `${name} ${match[1].slice(0, 8)}`; // the relay takes no endless name
  }
  return "";
}

/**
 * @param {string} agent navigator.userAgent
 * @param {{mobile?: boolean}|undefined} hints navigator.userAgentData, where there is one
 * @returns {boolean} whether this is a phone or tablet that names itself one
 */
export function isPhone(agent, hints) {
  return Boolean(hints?.mobile) || /Android|iPhone|iPad|iPod|Mobile/i.test(agent);
}

/**
 * Look at a window; nothing is asked of the customer and no permission is used.
 * @param {Window & typeof globalThis} window
 * @returns {Promise<DeviceReport>}
 */
export async function lookAt(window) {
  const { navigator } = window;
  const media = navigator.mediaDevices;
  const phone = isPhone(navigator.userAgent, navigator.userAgentData);
  const canShow = Boolean(window.isSecureContext && typeof media?.getDisplayMedia === "function" && !phone);
  const report = {
    screen: canShow ? "yes" : "no",
    microphone: "unknown",
    camera: "unknown",
    // Only a connection that was made proves that one can be made (see network.js).
    network: typeof window.RTCPeerConnection === "function" ? "unknown" : "no",
    secure: window.isSecureContext ? "yes" : "no",
    phone,
    browser: browserName(navigator.userAgent),
    file_key: (await fileKey(window))?.text ?? "",
  };
  if (typeof media?.enumerateDevices !== "function") return report;
  try {
    const kinds = new Set((await media.enumerateDevices()).map((device) => device.kind));
    report.microphone = kinds.has("audioinput") ? "yes" : "no";
    report.camera = kinds.has("videoinput") ? "yes" : "no";
  } catch {
    // A policy forbids looking: unknown it stays.
  }
  return report;
}

/**
 * The report as sentences, most important first; the screen's line names the reason where it cannot be shown.
 * @param {DeviceReport} report
 * @returns {Array<{part: string, tone: "positive"|"warning"|"muted", key: string}>}
 */
export function inWords(report) {
  const line = (part, value, keys) => ({
    part,
    tone: value === "yes" ? "positive" : value === "no" && part !== "microphone" && part !== "camera" ? "warning" : "muted",
    key: keys[value],
  });
  let noScreen = "check.screen_no";
  if (report.secure === "no") noScreen = "check.screen_insecure";
  else if (report.phone) noScreen = "check.screen_phone";
  return [
    line("screen", report.screen, { yes: "check.screen_yes", no: noScreen, unknown: "check.screen_no" }),
    line("network", report.network, { yes: "check.network_yes", no: "check.network_no", unknown: "check.network_unknown" }),
    line("microphone", report.microphone, {
      yes: "check.microphone_yes",
      no: "check.microphone_no",
      unknown: "check.microphone_unknown",
    }),
    line("camera", report.camera, { yes: "check.camera_yes", no: "check.camera_no", unknown: "check.camera_unknown" }),
  ];
}

let made = null;

async function makeKey(window) {
  const { crypto, navigator } = window;
  if (!window.isSecureContext || !crypto?.subtle || !window.Worker || !navigator.storage?.estimate) return null;
  const pair = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"]);
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const text = btoa(String.fromCharCode(...point)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return { pair, text };
}

/** This browser's key for files; nothing where it can neither send nor take any. */
export function fileKey(window) {
  made ??= makeKey(window).catch(() => null);
  return made;
}
