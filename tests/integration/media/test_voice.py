"""A call between engines: each hears all but himself, people come and go, devices fail."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest
from livekit.rtc import AudioProcessingModule

from support_manager.media.aiortc_engine import AiortcEngine
from support_manager.media.engine import (
    AnswerReady,
    MediaEvent,
    OfferReady,
    PeerConnected,
    PeerKey,
    VoiceLevels,
    VoiceTrouble,
)
from support_manager.media.voice.ports import Trouble
from tests.harness.again import one_of
from tests.harness.participant import require_network, until
from tests.harness.sound import RATE, ArrayPorts, Heard, as_int16, chirps, compare

HUB = PeerKey("s1", "hub")
EVA, DAN = PeerKey("s1", "eva"), PeerKey("s1", "dan")
SECONDS = 3.0


@pytest.fixture(scope="session", autouse=True)
def _network() -> None:
    require_network()


class Phone:
    """One app: its engine, its devices, what it says."""

    def __init__(self, seed: int) -> None:
        self.signal = chirps(20, seed)
        self.ports = ArrayPorts(as_int16(self.signal))
        self.engine = AiortcEngine(self.ports)
        self.events: list[MediaEvent] = []
        self.engine.start(self.events.append)

    async def join(self, hub: "Phone", me: PeerKey, hub_key: PeerKey = HUB, epoch: int = 1) -> None:
        """Connect as a guest."""
        self.engine.join(hub_key, epoch, ())
        await until(lambda: any(isinstance(e, OfferReady) and e.epoch == epoch for e in self.events), what="the offer")
        offer = next(e.sdp for e in self.events if isinstance(e, OfferReady) and e.epoch == epoch)
        hub.engine.take_offer(me, epoch, offer, ())

        def answers() -> list[str]:
            return [e.sdp for e in hub.events if isinstance(e, AnswerReady) and (e.peer, e.epoch) == (me, epoch)]

        await until(lambda: bool(answers()), what="the answer")
        self.engine.take_answer(hub_key, epoch, answers()[-1])
        await until(lambda: PeerConnected(hub_key, epoch) in self.events, what="the connection")

    def says_only(self, from_s: float, to_s: float) -> None:
        """Be silent at all other times."""
        times = np.arange(len(self.signal)) / RATE
        self.signal = np.where((times >= from_s) & (times < to_s), self.signal, 0.0)
        self.ports.sound = as_int16(self.signal)

    def hears(self, other: "Phone", from_s: float = 2.0, seconds: float = SECONDS) -> Heard:
        """How the other one's voice comes out of this one's speaker, from so many seconds after his beginning."""
        part = other.signal[int(from_s * RATE) : int((from_s + seconds) * RATE)]
        found = compare(part, self.ports.recording())
        began = other.ports.heard_from + from_s
        return Heard(
            self.ports.played_from + found.delay_s - began, found.likeness, found.gain_db, found.longest_gap_ms
        )


@pytest.fixture
async def phones() -> AsyncIterator[list[Phone]]:
    made = [Phone(seed) for seed in (1, 2, 3)]
    hub, eva, dan = made
    await eva.join(hub, EVA)
    await dan.join(hub, DAN)
    yield made
    await asyncio.gather(*(phone.engine.aclose() for phone in made))


async def talk(seconds: float) -> None:
    """Let time pass, as a call takes its time."""
    ends = time.monotonic() + seconds
    await until(lambda: time.monotonic() > ends, seconds + 5, "the end of the talk")


@pytest.mark.rule("B-7.7")
@pytest.mark.parametrize("speaks", [pytest.param(0, id="hub", marks=pytest.mark.slow), pytest.param(1, id="guest")])
async def test_what_one_says_comes_out_at_the_other_whole_soon_and_as_loud(phones: list[Phone], speaks: int) -> None:
    hub, eva, _ = phones
    speaker, listener = phones[speaks], phones[1 - speaks]
    listener.engine.set_muted(True)
    hub.engine.set_call("s1", [EVA], here=True)
    eva.engine.set_call("s1", [HUB], here=True)
    await talk(3)
    begins = itertools.count(2.0, SECONDS)

    async def stretch() -> Heard:
        await talk(SECONDS)
        return listener.hears(speaker, next(begins))

    def is_whole(heard: Heard) -> bool:
        return heard.likeness > 0.8 and heard.delay_s < 0.25 and heard.longest_gap_ms <= 20

    heard = await one_of(stretch, is_whole, times=4)
    assert -6 < heard.gain_db < 10, heard  # gain control levels what is soft
    assert speaker.hears(speaker).likeness < 0.3, "nobody hears himself"


@pytest.mark.slow
@pytest.mark.rule("B-7.7")
async def test_of_three_who_talk_in_turn_each_hears_both_others(phones: list[Phone]) -> None:
    hub, eva, dan = phones
    turns = {phone: 2.0 + 1.5 * at for at, phone in enumerate(phones)}
    for phone, begins in turns.items():
        phone.says_only(begins, begins + 1.4)
    hub.engine.set_call("s1", [EVA, DAN], here=True)
    for guest in (eva, dan):
        guest.engine.set_call("s1", [HUB], here=True)
    await talk(7.5)
    for listener in phones:
        for speaker, begins in turns.items():
            heard = listener.hears(speaker, begins, 1.4).likeness
            # The processing takes the first 0.2 to 0.3 s of who begins after others (0.8 then), and now and then some
            # of what comes after (0.54 was seen); another's voice comes to 0.25 at most.
            assert heard < 0.4 if speaker is listener else heard > 0.45, heard
    told = [event for event in hub.events if isinstance(event, VoiceLevels)]
    assert max(event.people.get("eva", 0.0) for event in told) > 0.6
    assert max(event.people.get("dan", 0.0) for event in told) > 0.6
    assert max(event.here for event in told) > 0.6


@pytest.mark.slow
@pytest.mark.rule("B-7.7")
async def test_the_hub_mixes_for_others_without_being_in_the_call(phones: list[Phone]) -> None:
    hub, eva, dan = phones
    hub.engine.set_call("s1", [EVA, DAN], here=False)
    for guest in (eva, dan):
        guest.engine.set_call("s1", [HUB], here=True)
    dan.engine.set_muted(True)
    await talk(SECONDS + 3)
    assert dan.hears(eva).likeness > 0.8
    assert not hub.ports.opened, "a rep who is not in the call has his microphone shut"


@pytest.mark.rule("B-7.7")
async def test_who_is_muted_is_not_heard_and_hears_on(phones: list[Phone]) -> None:
    hub, eva, _ = phones
    eva.engine.set_muted(True)
    hub.engine.set_call("s1", [EVA], here=True)
    eva.engine.set_call("s1", [HUB], here=True)
    await talk(SECONDS + 3)
    assert float(np.max(np.abs(hub.ports.recording()))) < 0.01
    assert eva.hears(hub).likeness > 0.8


@pytest.mark.rule("B-7.7")
async def test_who_leaves_lets_his_devices_go_and_hears_nothing_more(phones: list[Phone]) -> None:
    hub, eva, _ = phones
    hub.engine.set_call("s1", [EVA], here=True)
    eva.engine.set_call("s1", [HUB], here=True)
    await until(lambda: eva.ports.is_open("microphone") and len(hub.ports.played) > 50, what="the call")
    eva.engine.set_call("s1", [], here=False)
    await until(lambda: not eva.ports.is_open("microphone") and not eva.ports.is_open("speaker"), what="the end")
    before = len(hub.ports.played)
    await until(lambda: len(hub.ports.played) > before + 60, what="silence")
    assert float(np.max(np.abs(np.concatenate(hub.ports.played[before + 40 :])))) < 100


@pytest.mark.slow
async def test_without_a_microphone_he_is_told_and_hears_all_the_same(phones: list[Phone]) -> None:
    hub, eva, _ = phones
    eva.ports.refuses.add("microphone")
    hub.engine.set_call("s1", [EVA], here=True)
    eva.engine.set_call("s1", [HUB], here=True)
    await talk(SECONDS + 3)
    assert VoiceTrouble("s1", Trouble.NO_MICROPHONE) in eva.events
    assert eva.hears(hub).likeness > 0.8


async def test_where_the_sounds_processing_fails_all_talk_on_without_it_and_are_told(
    phones: list[Phone], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, eva, _ = phones

    def broken(*_: object) -> None:
        raise RuntimeError("stream delay not set")

    monkeypatch.setattr(AudioProcessingModule, "process_stream", broken)
    hub.engine.set_call("s1", [EVA], here=True)
    eva.engine.set_call("s1", [HUB], here=True)
    await until(lambda: VoiceTrouble("s1", Trouble.ECHO_STAYS) in eva.events, what="the trouble")
    await talk(SECONDS + 3)
    assert eva.hears(hub).likeness > 0.8
    assert hub.hears(eva).likeness > 0.8
    assert eva.events.count(VoiceTrouble("s1", Trouble.ECHO_STAYS)) == 1


async def test_a_device_pulled_out_in_the_middle_is_told_and_another_one_taken(phones: list[Phone]) -> None:
    hub, eva, _ = phones
    hub.engine.set_call("s1", [EVA], here=True)
    eva.engine.set_call("s1", [HUB], here=True)
    await until(lambda: eva.ports.is_open("microphone"), what="the call")
    eva.ports.pull_out("microphone", Trouble.MICROPHONE_LOST)
    await until(lambda: VoiceTrouble("s1", Trouble.MICROPHONE_LOST) in eva.events, what="the trouble")
    eva.engine.use_audio("headset", "")
    await until(lambda: ("microphone", "headset") in eva.ports.opened, what="the other one")
    assert eva.ports.is_open("microphone")
    assert eva.ports.is_open("speaker")
