"""Recordings of the tests' controller: in memory, asked for and running as the test says."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from support_manager.events import RecordingFigures, SessionChanged
from support_manager.media import recording_file
from support_manager.media.recording_file import RecordingFile
from support_manager.protocol.activities import ActivityKind, ActivityState
from support_manager.protocol.views import ActivityView
from support_manager.recordings import Recording, RecordingState


def recording_of(customer: str, started_at: int = 1_764_300_000_000, **more: Any) -> Recording:
    """A recording as the library has it."""
    name = f"2025-11-28 {started_at} {customer} 482119903.webm"
    known = {"rep": "Maria G.", "number": "482119903", "seconds": 754.0, "bytes": 14_200_000}
    known["state"] = RecordingState.FINISHED
    return Recording(
        name=name, path=Path("/nowhere") / name, customer=customer, started_at=started_at, **{**known, **more}
    )


def cut_off(file: RecordingFile) -> None:
    """What is left of its writer when the app is killed: nothing."""
    os.close(file._file)
    recording_file._written.discard(file._part)


def others(path: Path) -> Path:
    """A film as browsers and FFmpeg write it: its head is that of our recordings, byte for byte."""
    sources = ("-f", "lavfi", "-i", "testsrc=duration=1", "-f", "lavfi", "-i", "sine=duration=1")
    subprocess.run(["ffmpeg", "-v", "error", *sources, "-c:v", "libvpx", "-c:a", "libopus", path], check=True)
    return path


class FakeRecordings:
    """The part of `Intents` that is about recordings."""

    recordings_folder = "/nowhere/recordings"
    kept: tuple[Recording, ...] = ()
    sessions: Any

    def _ask(self, name: str, *arguments: Any) -> None:
        raise NotImplementedError

    def emit(self, event: Any) -> None:
        raise NotImplementedError

    async def ask_recording(self, session_id: str) -> None:
        self._ask("ask_recording", session_id)
        self.records(session_id, ActivityState.ASKED)

    async def stop_recording(self, session_id: str) -> None:
        self._ask("stop_recording", session_id)
        self.records(session_id, ActivityState.ENDED)

    async def recordings(self) -> tuple[Recording, ...]:
        self._ask("recordings")
        return self.kept

    async def delete_recording(self, name: str) -> None:
        self._ask("delete_recording", name)
        self.kept = tuple(one for one in self.kept if one.name != name)

    def tend_recordings(self) -> None:
        self._ask("tend_recordings")

    # --- what the test says

    def records(self, session_id: str, state: ActivityState, asked_by: str = "") -> None:
        """The recording of a session is asked for, runs or has ended."""
        snapshot = self.sessions[session_id]
        customer = snapshot.customer
        recording = None
        if state is not ActivityState.ENDED:
            recording = ActivityView(
                id="recording-1",
                kind=ActivityKind.RECORDING,
                state=state,
                asked_by=asked_by or snapshot.view.you,
                subject=customer.id if customer is not None else "",
            )
        changed = replace(snapshot, recording=recording)
        self.sessions[session_id] = changed
        self.emit(SessionChanged(changed))

    def recorded(self, session_id: str, seconds: float, count: int) -> None:
        """It has become that long and large."""
        self.emit(RecordingFigures(session_id, seconds, count))
