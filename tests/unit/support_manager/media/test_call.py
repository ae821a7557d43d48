"""One call's mixer: what fails at one member costs the others nothing."""

import numpy as np

from support_manager.media.voice.call import Call
from support_manager.media.voice.opus import FRAME, Samples


class Voice:
    """Says one value, keeps what it hears; fails where it is told to."""

    def __init__(self, value: int, *, fails: str = "") -> None:
        self.value = value
        self.fails = fails
        self.heard: list[int] = []

    def said(self) -> Samples | None:
        if self.fails == "said":
            raise RuntimeError("a library's own")
        return np.full(FRAME, self.value, dtype=np.int16)

    def hears(self, samples: Samples) -> None:
        if self.fails == "hears":
            raise OSError("a codec's own")
        self.heard.append(int(samples[0]))


def test_everybody_hears_all_but_himself() -> None:
    ana, dan, eva = Voice(100), Voice(20), Voice(3)
    Call().tick({"ana": ana, "dan": dan, "eva": eva}, 0.0)
    assert (ana.heard, dan.heard, eva.heard) == ([23], [103], [120])


def test_one_whose_voice_fails_still_hears_and_the_others_talk_on() -> None:
    ana, dan, eva = Voice(100, fails="said"), Voice(20), Voice(3)
    call = Call()
    for _ in range(2):
        call.tick({"ana": ana, "dan": dan, "eva": eva}, 0.0)
    assert (ana.heard, dan.heard, eva.heard) == ([23, 23], [3, 3], [20, 20])
    ana.fails = ""
    call.tick({"ana": ana, "dan": dan, "eva": eva}, 0.0)
    assert dan.heard[-1] == 103, "he is back as soon as it works"


def test_one_whose_ear_fails_is_still_heard() -> None:
    ana, dan, eva = Voice(100, fails="hears"), Voice(20), Voice(3)
    Call().tick({"ana": ana, "dan": dan, "eva": eva}, 0.0)
    assert (ana.heard, dan.heard, eva.heard) == ([], [103], [120])


def test_a_recording_that_fails_leaves_the_call_and_other_recordings_alone() -> None:
    ana, dan = Voice(100), Voice(20)
    kept: list[bytes] = []

    def full(_sound: bytes, _now: float) -> None:
        raise OSError("no space left")

    call = Call()
    call.add_tap(full)
    call.add_tap(lambda sound, _now: kept.append(sound))
    for _ in range(2):
        call.tick({"ana": ana, "dan": dan}, 0.0)
    assert ana.heard == [20, 20]
    assert [int(np.frombuffer(sound, dtype=np.int16)[0]) for sound in kept] == [120, 120]
