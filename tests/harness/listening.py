"""Chromium with a file as microphone and an ear inside the page: what comes out of its call is kept as samples."""

import base64
from pathlib import Path

import numpy as np
from playwright.async_api import Page

EAR = """
// Keeps all that the call's element plays, mono at 48 kHz.
window.ear = {parts: [], source: null, context: null, from: 0};
window.listen = async () => {
  const sound = document.getElementById('call-sound');
  if (!sound.srcObject) return false;
  if (ear.track === sound.srcObject.getAudioTracks()[0]) return true;
  ear.track = sound.srcObject.getAudioTracks()[0];
  ear.context ??= new AudioContext({sampleRate: 48000});
  if (!ear.node) {
    // No worklet: the page's own rules let no foreign code in, and that is right.
    ear.node = ear.context.createScriptProcessor(1024, 1, 1);
    ear.node.onaudioprocess = ({inputBuffer}) => {
      ear.from ||= Date.now();
      ear.parts.push(inputBuffer.getChannelData(0).slice());
    };
    ear.node.connect(ear.context.destination);
  }
  ear.source?.disconnect();
  ear.source = ear.context.createMediaStreamSource(sound.srcObject);
  ear.source.connect(ear.node);
  return true;
};
window.heardSoFar = () => {
  const all = new Int16Array(ear.parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of ear.parts) for (const one of part) all[at++] = Math.max(-1, Math.min(1, one)) * 32767;
  let text = '';
  const bytes = new Uint8Array(all.buffer);
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
};
"""


def microphone_flags(sound: Path) -> tuple[str, ...]:
    """Of Chromium: it hears this WAV, again and again. The permission is granted over the DevTools protocol."""
    return ("--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={sound}")


async def heard(page: Page) -> np.ndarray:
    """What came out of the call in that page so far, float."""
    data = base64.b64decode(await page.evaluate("heardSoFar()"))
    return np.frombuffer(data, dtype=np.int16).astype(np.float64) / 32_768
