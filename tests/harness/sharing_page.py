"""A minimal sharing page for media tests: real Chromium shares its screen into a hub, with no relay in between."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Self

from aiohttp import web

import resources
from support_manager.protocol.signals import MEDIA_LINES

PAGE = """<!doctype html><meta charset="utf-8"><title>share</title>
<style>html, body { margin: 0; background: #fff; overflow: hidden } canvas { display: block }</style>
<canvas id="scene" width="900" height="700"></canvas>
<script>
const LINES = %(lines)s;
const scene = document.getElementById('scene').getContext('2d');
let moving = true, frames = 0, last = null, alive = true, track = null;
window.rates = []; window.stamp = 0;
function draw() {
  if (moving) {
    frames++;
    scene.fillStyle = '#fff'; scene.fillRect(0, 0, 900, 700);
    scene.fillStyle = '#000'; scene.font = '16px monospace';
    for (let row = 0; row < 40; row++)
      scene.fillText('line ' + (row + (frames >> 1)) + ' the quick brown fox jumps over the lazy dog 0123456789', 4,
                     40 + row * 17 - (frames %% 2) * 8);
    // A time code of 32 bits, 24 pixels each: milliseconds of the wall clock.
    const now = Math.round(performance.timeOrigin + performance.now()) %% 4294967296;
    for (let bit = 0; bit < 32; bit++) {
      scene.fillStyle = Math.floor(now / 2 ** (31 - bit)) %% 2 ? '#fff' : '#000';
      scene.fillRect(bit * 24, 0, 24, 24);
    }
  }
  requestAnimationFrame(draw);
}
requestAnimationFrame(draw);
const connection = new RTCPeerConnection({iceServers: [], bundlePolicy: 'max-bundle'});
const channel = connection.createDataChannel('control');
channel.onmessage = async event => {
  const message = JSON.parse(event.data);
  if (message.type === 'beat') last = {sent: message.sent_ms, at: clock()};
  if (message.type === 'rate') { window.rates.push(message); await obey(message); }
};
const clock = () => performance.timeOrigin + performance.now();
setInterval(() => {
  if (!alive || channel.readyState !== 'open') return;
  channel.send(JSON.stringify({type: 'beat', sent_ms: clock(), echo_ms: last ? last.sent : 0,
                               held_ms: last ? clock() - last.at : 0, sharing: true}));
}, 1000);
let wish = null, nudge = 1, prober = null;
// As the real page does, by its own code.
setInterval(async () => {
  if (!wish || !track) return;
  prober ??= new (await import('/prober.js')).Prober();
  if (!prober.look((await connection.getTransceivers()[0].sender.getStats()).values())) return;
  nudge = nudge === 1 ? 0.975 : 1;
  await obey(wish);
}, 1000);
async function obey(rate) {
  wish = rate;
  const {encodingFor} = await import('/rate.js');
  const sender = connection.getTransceivers()[0].sender, parameters = sender.getParameters();
  if (!parameters.encodings.length) return;
  Object.assign(parameters.encodings[0], encodingFor(rate, track.getSettings(), false));
  parameters.encodings[0].maxBitrate *= nudge;
  await sender.setParameters(parameters);
}
async function share() {
  const stream = await navigator.mediaDevices.getDisplayMedia({video: {frameRate: {max: 30}}});
  track = stream.getVideoTracks()[0];
  track.contentHint = 'detail';
  for (const role of LINES.slice(0, -1)) {
    const direction = role === 'voice' ? 'sendrecv' : role.includes('down') ? 'recvonly' : 'sendonly';
    connection.addTransceiver(role === 'share_up' ? track : role === 'voice' ? 'audio' : 'video', {direction});
  }
  await connection.setLocalDescription();
  if (connection.iceGatheringState !== 'complete')
    await new Promise(done => connection.addEventListener('icegatheringstatechange',
      () => connection.iceGatheringState === 'complete' && done()));
  const answer = await (await fetch('/offer', {method: 'POST', body: connection.localDescription.sdp})).text();
  await connection.setRemoteDescription({type: 'answer', sdp: answer});
}
async function outbound() {
  const found = {};
  (await connection.getStats()).forEach(one => {
    if (one.type === 'outbound-rtp' && one.kind === 'video' && one.bytesSent > 0) Object.assign(found, {
      frames: one.framesSent, bytes: one.bytesSent,
      width: one.frameWidth, height: one.frameHeight, keys: one.keyFramesEncoded,
      nacks: one.nackCount, plis: one.pliCount, reason: one.qualityLimitationReason, target: one.targetBitrate});
    if (one.type === 'candidate-pair' && one.nominated) Object.assign(found, {
      available: one.availableOutgoingBitrate, rtt: one.currentRoundTripTime});
  });
  return found;
}
</script>
"""


class SharingSite:
    """Serves the page and passes its offer on. Use it as an async context manager.

    Args:
        answer: turns the page's offer into the hub's answer.
    """

    def __init__(self, answer: Callable[[str], Awaitable[str]]) -> None:
        self._answer = answer
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1 << 20)
        app.router.add_get("/", self._page)
        for name in ("rate.js", "prober.js"):
            app.router.add_get(f"/{name}", self._module)
        app.router.add_post("/offer", self._offer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        return self

    async def _page(self, _request: web.Request) -> web.Response:
        return web.Response(text=PAGE % {"lines": json.dumps(MEDIA_LINES)}, content_type="text/html")

    async def _module(self, request: web.Request) -> web.Response:
        """How the real page obeys: its own code."""
        text = resources.text(f"customer_page{request.path}")
        return web.Response(text=text, content_type="text/javascript")

    async def _offer(self, request: web.Request) -> web.Response:
        return web.Response(text=await self._answer(await request.text()))

    async def __aexit__(self, *exc: object) -> None:
        if self._runner is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._runner.cleanup()
