/** What it means when the browser gives no camera or no microphone, as the head of a sentence for the customer. */

/**
 * Why `getUserMedia` failed (W3C Media Capture and Streams, section 10.2; the words are Chromium's, other browsers tell
 * less).
 * @param {Error} error
 * @returns {"denied"|"dismissed"|"blocked"|"none"|"busy"|"missing"}
 *   denied: this page may not; dismissed: nothing was chosen; blocked: the system lets no browser; none: there is no
 *   such device; busy: another program has it; missing: the browser cannot at all. The sentences of both devices are
 *   named alike: `camera.busy`, `microphone.busy`
 */
export function mediaFailure(error) {
  switch (error.name) {
    case "NotAllowedError":
      if (/dismissed/i.test(error.message)) return "dismissed";
      return /system/i.test(error.message) ? "blocked" : "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "none";
    case "NotReadableError":
    case "AbortError":
    case "InvalidStateError":
      return "busy";
    default:
      return "missing";
  }
}
