"""The jitter buffer by numbers: whatever the network does, little is made up and the delay does not grow."""

from collections.abc import Callable

import numpy as np
import pytest

from support_manager.media.voice.conceal import shortened
from support_manager.media.voice.jitter import MOST_MS, JitterBuffer
from support_manager.media.voice.opus import FRAME, Decoder, Encoder, duration
from tests.harness.sound import RATE, as_int16, chirps, compare

SECONDS = 16
SIGNAL = chirps(SECONDS)
Delay = Callable[[float, np.random.Generator], float]


def plain(payload: bytes) -> np.ndarray:
    return np.frombuffer(payload, dtype=np.int16)


def buffer() -> JitterBuffer:
    return JitterBuffer(plain, lambda payload: len(payload) // 2)


def run(delay: Delay, *, loss: float = 0.0, tick_ms: float = 20.0) -> tuple[np.ndarray, JitterBuffer, list[float]]:
    """Send the signal over a network of numbers; gives what came out, the buffer and its depth at every pull."""
    random, samples, held = np.random.default_rng(1), as_int16(SIGNAL), buffer()
    pieces = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    arrivals = sorted((n * 20 + delay(n * 20, random), n) for n in range(len(pieces)) if random.random() >= loss)
    out, depths, now, at = [], [], 5.0, 0
    while now < SECONDS * 1000:
        while at < len(arrivals) and arrivals[at][0] <= now:
            number = arrivals[at][1]
            held.put(number & 0xFFFF, pieces[number].tobytes())
            at += 1
        depths.append(held.depth_ms)
        frame = held.pull()
        out.append(frame if frame is not None else np.zeros(FRAME, dtype=np.int16))
        now += tick_ms
    return np.concatenate(out) / 32_768, held, depths


def delay_ms(out: np.ndarray, at_s: float) -> float:
    part = SIGNAL[int(at_s * RATE) : int((at_s + 2) * RATE)]
    return (compare(part, out).delay_s - at_s) * 1000


@pytest.mark.parametrize(
    ("delay", "loss", "most_ms"),
    [
        (lambda _at, _random: 10.0, 0.0, 45),
        (lambda _at, random: random.uniform(0, 20), 0.0, 45),
        (lambda _at, random: random.uniform(0, 60), 0.0, 85),
        (lambda _at, random: random.uniform(0, 20), 0.05, 85),
        (lambda at, _random: max(0.0, 40 - at % 100), 0.0, 65),
    ],
    ids=["steady", "jitter 20", "jitter 60", "loss", "a thread that is busy 40 ms in every 100"],
)
def test_what_comes_out_is_soon_and_whole(delay: Delay, loss: float, most_ms: float) -> None:
    out, held, _ = run(delay, loss=loss)
    heard = compare(SIGNAL[3 * RATE : 12 * RATE], out)
    assert heard.longest_gap_ms == 0
    assert heard.likeness > (0.9 if loss else 0.99)
    assert delay_ms(out, 12.0) <= most_ms
    assert held.made_up <= (60 if loss else 5)


def test_after_a_burst_the_delay_comes_back_down() -> None:
    out, _, depths = run(lambda at, _random: max(10.0, 310 - at) if at < 400 else 10.0 + (at % 7 == 0))
    assert max(depths[60:]) <= MOST_MS + 20
    assert delay_ms(out, 12.0) <= 85


def test_delay_does_not_grow_with_loss() -> None:
    out, _, _ = run(lambda _at, random: random.uniform(0, 20), loss=0.10)
    assert delay_ms(out, 12.0) <= delay_ms(out, 2.0) + 25


@pytest.mark.parametrize("tick_ms", [19.98, 20.02])
def test_clocks_that_differ_by_a_thousandth_do_not_drift_apart(tick_ms: float) -> None:
    out, held, depths = run(lambda _at, _random: 10.0, tick_ms=tick_ms)
    assert held.made_up < 5
    assert max(depths) <= 80
    assert compare(SIGNAL[3 * RATE : 5 * RATE], out).longest_gap_ms == 0


def test_a_voice_that_stops_ends_in_silence_and_begins_anew() -> None:
    held = buffer()
    pieces = as_int16(SIGNAL)[: 40 * FRAME].reshape(-1, FRAME)
    for number in range(10):
        held.put(number, pieces[number].tobytes())
    frames = [held.pull() for _ in range(40)]
    assert frames[0] is not None
    assert frames[-1] is None
    for number in range(500, 505):
        held.put(number, pieces[number - 490].tobytes())
    again = held.pull()
    assert again is not None
    assert np.array_equal(again[300:], pieces[10][300:])


def test_numbers_run_over_and_strange_ones_do_no_harm() -> None:
    held = buffer()
    piece = as_int16(SIGNAL)[:FRAME].tobytes()
    for number in (*range(65_530, 65_536), *range(10)):
        held.put(number, piece)
    assert all(held.pull() is not None for _ in range(6))
    for number in (40_000, 3, 65_535, 12, 12):
        held.put(number, piece)
    for number in range(1_000):
        held.put(number * 7, piece)
        held.pull()
    assert held.depth_ms < 64 * 20 + 20


def test_shortening_leaves_out_about_ten_milliseconds_and_nobody_hears_it() -> None:
    sound = as_int16(SIGNAL)[: 4 * FRAME]
    shorter = shortened(sound)
    assert FRAME // 4 <= len(sound) - len(shorter) <= FRAME
    assert int(np.max(np.abs(np.diff(shorter.astype(np.int32))))) < 6_000
    assert len(shortened(sound[:FRAME])) == FRAME


def test_opus_carries_the_signal_and_takes_no_rubbish() -> None:
    encoder, decoder = Encoder(), Decoder()
    frames = as_int16(SIGNAL)[: 100 * FRAME].reshape(-1, FRAME)
    packets = [encoder.encode(frame) for frame in frames]
    out = np.concatenate([decoder.decode(packet) for packet in packets]) / 32_768
    assert compare(SIGNAL[RATE : 2 * RATE], out).likeness > 0.9
    assert {duration(packet) for packet in packets} == {FRAME}
    assert sum(map(len, packets)) / 2 < 8_000, "bytes a second"
    random = np.random.default_rng(7)
    for size in (0, 1, 2, 50, 1_275, 5_000):
        for _ in range(50):
            rubbish = random.bytes(size)
            decoded = decoder.decode(rubbish)
            assert decoded is None or len(decoded) <= 5_760
    assert decoder.decode(packets[0]) is not None
