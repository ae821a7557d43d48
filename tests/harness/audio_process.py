"""The microphone and the speaker of this computer in a program of their own, on whatever sound server it is given."""

import asyncio
import sys
import time
from typing import Any

import numpy as np
from PySide6.QtCore import QCoreApplication

from support_manager.media.voice.ports import AudioPorts, Trouble
from support_manager.tasks import TaskOwner
from tests.harness.programs import serve
from tests.harness.sound import ArrayPorts, as_int16, chirps, rms

SIGNAL_SEED = 7


class Devices:
    """Opens and closes them, plays a known signal, tells what was heard and what went wrong."""

    def __init__(self, ports: AudioPorts) -> None:
        self._ports = ports
        self._signal = as_int16(chirps(20, SIGNAL_SEED))
        self._heard: list[bytes] = []
        self._asked = self._played = 0
        self._troubles: list[str] = []
        self._tasks = TaskOwner("load")
        self._load: asyncio.Task[None] | None = None

    def _failed(self, trouble: Trouble) -> None:
        self._troubles.append(trouble.value)

    def _fill(self, count: int) -> bytes:
        places = np.arange(self._played, self._played + count)
        self._played += count
        self._asked += count
        return np.take(self._signal, places, mode="wrap").tobytes()

    async def do(self, asked: dict[str, Any]) -> dict[str, Any]:
        """One command."""
        match asked["do"]:
            case "devices":
                found = await asyncio.to_thread(self._ports.devices)
                return {"found": [[[each.id, each.name] for each in some] for some in found]}
            case "microphone":
                self._ports.open_microphone(asked.get("id", ""), self._heard.append, self._failed)
            case "speaker":
                self._played = 0
                self._ports.open_speaker(asked.get("id", ""), self._fill, self._failed)
            case "close":
                self._ports.close_microphone()
                self._ports.close_speaker()
            case "keep_busy":
                self._load = self._tasks.spawn(_burn(asked["busy_ms"] / 1000, asked["of_ms"] / 1000), name="load")
            case "rest":
                if self._load is not None:
                    self._load.cancel()
            case "pull_out":
                assert isinstance(self._ports, ArrayPorts)
                self._ports.pull_out("microphone", Trouble.MICROPHONE_LOST)
            case "read":
                return self._read()
            case word:
                raise ValueError(word)
        return {}

    def _read(self) -> dict[str, Any]:
        """What came since the last question: samples heard and how loud, samples asked for, troubles."""
        pieces, self._heard[:] = list(self._heard), []
        troubles, self._troubles = self._troubles, []
        sound = np.frombuffer(b"".join(pieces), dtype=np.int16)
        asked, self._asked = self._asked, 0
        loud = rms(sound / 32_768) if len(sound) else 0.0
        return {"heard": len(sound), "loud": loud, "asked": asked, "troubles": troubles, "at": time.monotonic()}

    async def aclose(self) -> None:
        """Let all go."""
        await self._tasks.aclose(0.5)
        close = getattr(self._ports, "close", None)
        if close is not None:
            close()


async def _burn(busy_s: float, of_s: float) -> None:
    """Python's main thread, where windows live, works for so long, again and again."""
    while True:
        ends = time.perf_counter() + busy_s
        while time.perf_counter() < ends:
            pass
        await asyncio.sleep(of_s - busy_s)


def make() -> Devices:
    """With `--array` those of the tests, without a microphone with `--none` besides, else those of this computer."""
    if "--array" in sys.argv:
        ports = ArrayPorts(as_int16(chirps(5, SIGNAL_SEED)))
        if "--none" in sys.argv:
            ports.refuses |= {"microphone", "speaker"}
        return Devices(ports)
    from ui.devices.audio import QtAudio

    return Devices(QtAudio())


async def main() -> None:
    """Serve, and let Qt work too: it tells of devices that come and go on its own main thread."""
    app = QCoreApplication([])
    tasks = TaskOwner("devices")
    serving = tasks.spawn(serve(make), name="serve")
    while not serving.done():
        app.processEvents()
        await asyncio.wait([serving], timeout=0.01)
    await tasks.aclose(0.5)


if __name__ == "__main__":
    asyncio.run(main())
