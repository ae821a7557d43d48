/** The fixed media lines of every connection, and the one codec for pictures. */

/**
 * Only VP8 and its retransmission: every browser must have it (RFC 7742, section 5), the hub has it, and a lean
 * description is a fast one. H.264 from some browsers stalls when the screen does not change.
 * @param {ReadonlyArray<{mimeType: string}>} codecs
 * @returns {Array<{mimeType: string}>} empty when the browser does not tell
 */
export function vp8Only(codecs) {
  const vp8 = codecs.filter((codec) => /^video\/vp8$/i.test(codec.mimeType));
  return vp8.length ? [...vp8, ...codecs.filter((codec) => /^video\/rtx$/i.test(codec.mimeType))] : [];
}

/**
 * Add the fixed media lines in their order.
 * @param {RTCPeerConnection} peer
 * @param {readonly string[]} lines the protocol's `media_lines`
 * @param {string} label of the data channel
 * @returns {{made: Map<string, RTCRtpTransceiver>, channel: RTCDataChannel}} the transceivers by their names
 */
export function addLines(peer, lines, label) {
  const codecs = vp8Only(globalThis.RTCRtpReceiver?.getCapabilities?.("video")?.codecs ?? []);
  const made = new Map();
  let channel = null;
  for (const line of lines) {
    if (line === "data") {
      channel = peer.createDataChannel(label, { ordered: true });
      continue;
    }
    const kind = line === "voice" ? "audio" : "video";
    const direction = line === "voice" ? "sendrecv" : line.endsWith("_up") ? "sendonly" : "recvonly";
    const transceiver = peer.addTransceiver(kind, { direction });
    if (kind === "video" && codecs.length) transceiver.setCodecPreferences?.(codecs);
    made.set(line, transceiver);
  }
  return { made, channel };
}
