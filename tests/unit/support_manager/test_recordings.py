"""The library of recordings: names that are only names, what is listed, finished, deleted and kept."""

import asyncio
import errno
import os
import time
from pathlib import Path

import pytest

from support_manager.errors import AppCode, LocalProblem
from support_manager.events import RecordingsTended
from support_manager.media.recording_file import RecordingFile, part_of
from support_manager.media.recording_repair import unfinished
from support_manager.media.recording_thread import blank_picture
from support_manager.media.webm import Facts
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import Connection, Mode, ParticipantView, SessionView
from support_manager.recordings import RecordingLibrary, RecordingState, file_words
from support_manager.settings import Settings, SettingsStore
from tests.harness.fake_recordings import cut_off, others
from tests.harness.screen_film import film

DAY_MS = 86_400_000


@pytest.fixture
def events():
    return []


@pytest.fixture
async def library(tmp_path, events):
    made = RecordingLibrary(SettingsStore(tmp_path / "profile", tmp_path / "kept"), events.append)
    yield made
    await made.aclose()


def person(role, name):
    return ParticipantView(id=role.value, role=role, name=name, connection=Connection.ONLINE, joined_at=1)


def session(customer):
    people = (person(Role.CONTROLLER, "Maria G."), person(Role.PRIMARY, customer))
    return SessionView(
        id="s1", number="482119903", mode=Mode.MULTI, state=SessionState.ACTIVE, seq=1, started_at=0, you="controller",
        participants=people,
    )  # fmt: skip


def recorded(folder, name, *, customer="Ana P.", started_at=None, finished=True):
    at = int(time.time() * 1000) if started_at is None else started_at
    file = RecordingFile(
        folder / name, Facts(customer, at, {"CUSTOMER": customer, "SESSION_NUMBER": "1"}), blank_picture
    )
    for number, frame in enumerate(film(seconds=1)):
        file.picture(number * 33, frame.data, key=frame.key)
    if finished:
        return file.finish(1_000)
    file.advance(2_000)
    cut_off(file)
    return part_of(folder / name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Ana P.", "Ana P"),
        ("../../etc/passwd", "etc passwd"),
        ("..\\..\\C:\\Windows", "C Windows"),
        ("a\u202egpj.exe\x00\n", "agpj.exe"),
        ("Ștefan Țăran", "Ștefan Țăran"),
        ("🙂" * 3, "🙂🙂🙂"),
        ("", ""),
        (".", ""),
        ("ă" * 400, "ă" * 60),
        ('<>:"|?*', ""),
    ],
)
def test_a_name_in_a_files_name_is_only_a_name(name, words):
    assert file_words(name) == words


def test_where_it_goes_and_what_it_says_of_itself(library, tmp_path):
    plan = library.plan(session("Ana/../P."))
    assert plan.path.parent == tmp_path / "kept"
    assert plan.path.name.endswith(" Ana .. P 482119903.webm")
    assert plan.tags == {"CUSTOMER": "Ana/../P.", "REPRESENTATIVE": "Maria G.", "SESSION_NUMBER": "482119903"}


async def test_what_there_is_newest_first(library, tmp_path):
    assert await library.find() == ()
    now = int(time.time() * 1000)
    recorded(tmp_path / "kept", "a.webm", customer="Ana", started_at=now - DAY_MS)
    recorded(tmp_path / "kept", "b.webm", customer="Ion", started_at=now)
    recorded(tmp_path / "kept", "c.webm", customer="Eva", started_at=now - 2 * DAY_MS, finished=False)
    (tmp_path / "kept" / "d.webm").write_bytes(b"no film at all")
    (tmp_path / "kept" / "e.txt").write_bytes(b"")
    found = await library.find()
    assert {(one.name, one.customer, one.state) for one in found} == {
        ("b.webm", "Ion", RecordingState.FINISHED),
        ("a.webm", "Ana", RecordingState.FINISHED),
        ("c.webm.part", "Eva", RecordingState.UNFINISHED),
        ("d.webm", "", RecordingState.DAMAGED),
    }
    whole = [one for one in found if one.state is RecordingState.FINISHED]
    assert [one.name for one in whole] == ["b.webm", "a.webm"]
    assert [round(one.seconds) for one in whole] == [1, 1]


async def test_what_was_cut_off_is_finished_at_the_next_start(library, tmp_path, events):
    recorded(tmp_path / "kept", "a.webm", finished=False)
    recorded(tmp_path / "kept", "b.webm", finished=False)
    library.tend()
    library.tend()
    await library._tending
    assert {one.name for one in (tmp_path / "kept").iterdir()} == {"a.webm", "b.webm"}
    assert events[-1] == RecordingsTended(finished=2)
    library.tend()
    await library._tending
    assert events[-1] == RecordingsTended(finished=2), "nothing was done, and nothing is told"


async def test_what_is_being_recorded_or_is_whole_by_now_is_not_tended(library, tmp_path, events, monkeypatch):
    monkeypatch.setattr("support_manager.media.recording_file.fcntl", None)
    recorded(tmp_path / "kept", "a.webm", finished=False)
    file = RecordingFile(tmp_path / "kept" / "b.webm", Facts("Ana P.", 0), blank_picture)
    gone = part_of(tmp_path / "kept" / "c.webm")
    monkeypatch.setattr("support_manager.recordings.unfinished", lambda folder: [*unfinished(folder), gone])
    library.tend()
    await library._tending
    assert {one.name for one in (tmp_path / "kept").iterdir()} == {"a.webm", "b.webm.part"}
    assert events[-1] == RecordingsTended(finished=1)
    file.finish(0)


async def test_what_is_kept_no_longer_is_deleted(tmp_path, events):
    store = SettingsStore(tmp_path / "profile", tmp_path / "kept")
    store.current = Settings(recordings_days=7)
    library = RecordingLibrary(store, events.append)
    now = int(time.time() * 1000)
    recorded(tmp_path / "kept", "old.webm", started_at=now - 8 * DAY_MS)
    recorded(tmp_path / "kept", "new.webm", started_at=now - 6 * DAY_MS)
    library.tend()
    await library._tending
    assert [one.name for one in (tmp_path / "kept").iterdir()] == ["new.webm"]
    assert events == [RecordingsTended(deleted=1)]
    await library.aclose()


async def test_an_app_that_runs_for_weeks_looks_once_a_day_until_it_is_closed(tmp_path, events, monkeypatch):
    monkeypatch.setattr("support_manager.recordings._LOOK_S", 0.001)
    store = SettingsStore(tmp_path / "profile", tmp_path / "kept")
    store.current = Settings(recordings_days=7)
    now = time.time()
    library = RecordingLibrary(store, events.append, lambda: now)
    path = recorded(tmp_path / "kept", "a.webm", started_at=int(now * 1000) - 6 * DAY_MS)
    library.tend()
    first = library._tending
    await first
    now += 86_399
    await asyncio.sleep(0.05)
    assert library._tending is first, "a day is not over yet"
    assert path.exists()
    now += 2 * 86_400
    async with asyncio.timeout(5):
        while path.exists():  # noqa: ASYNC110 - the condition is about the disk
            await asyncio.sleep(0.005)
    assert any(task.get_name() == "recordings:daily" for task in asyncio.all_tasks())
    await library.aclose()
    assert not any(task.get_name().startswith("recordings:") for task in asyncio.all_tasks())
    library.tend()  # a recording that is whole only after the end of the app
    assert not any(task.get_name().startswith("recordings:") for task in asyncio.all_tasks())


async def test_other_programs_films_in_the_folder_are_neither_finished_nor_deleted(tmp_path, events):
    store = SettingsStore(tmp_path / "profile", tmp_path / "kept")
    store.current = Settings(recordings_days=7)
    library = RecordingLibrary(store, events.append)
    (tmp_path / "kept").mkdir()
    film_of_others = others(tmp_path / "kept" / "film.webm")
    os.utime(film_of_others, (0, 0))
    (tmp_path / "kept" / "download.webm.part").write_bytes(film_of_others.read_bytes()[:9_000])
    (tmp_path / "kept" / "begun.webm.part").touch()
    assert {one.state for one in await library.find()} == {RecordingState.DAMAGED}
    library.tend()
    await library._tending
    names = {one.name for one in (tmp_path / "kept").iterdir()}
    assert names == {"film.webm", "download.webm.part", "begun.webm.part"}
    assert events == []
    await library.aclose()


async def test_only_recordings_are_deleted_and_only_there(library, tmp_path):
    path = recorded(tmp_path / "kept", "a.webm")
    outside = tmp_path / "outside.webm"
    outside.write_bytes(b"")
    for name in ("../outside.webm", str(outside), "settings.json", ""):
        with pytest.raises(LocalProblem) as caught:
            await library.delete(name)
        assert caught.value.code is AppCode.RECORDING_NOT_DELETED
    assert outside.exists()
    await library.delete("a.webm")
    await library.delete("a.webm")
    assert not path.exists()


async def test_a_folder_that_cannot_be_read_is_said_in_words(library, tmp_path, monkeypatch):
    (tmp_path / "kept").mkdir()

    def refused(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("support_manager.recordings.os.scandir", refused)
    with pytest.raises(LocalProblem) as caught:
        await library.find()
    assert caught.value.code is AppCode.RECORDINGS_UNREADABLE
    assert caught.value.params["reason"] == "Permission denied"


async def test_a_folder_that_cannot_be_read_while_old_ones_are_sought_ends_nothing_else(tmp_path, events, monkeypatch):
    store = SettingsStore(tmp_path / "profile", tmp_path / "kept")
    store.current = Settings(recordings_days=7)
    library = RecordingLibrary(store, events.append)
    recorded(tmp_path / "kept", "a.webm", finished=False)

    def refused(_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("support_manager.recordings.os.scandir", refused)
    library.tend()
    await library._tending
    assert events[-1] == RecordingsTended(finished=1)
    await library.aclose()


UNREADABLE = pytest.mark.parametrize(
    ("ask", "error"),
    [
        ("open", PermissionError(errno.EACCES, "Permission denied")),
        ("open", OSError(errno.EIO, "Input/output error")),
        ("stat", OSError(errno.ESTALE, "Stale file handle")),
    ],
    ids=["may not be read", "bad disk", "stale handle"],
)


def be_unreadable(monkeypatch, ask, error, *names):
    asked = getattr(Path, ask)

    def refusing(path, *words, **more):
        if path.name in names:
            raise error
        return asked(path, *words, **more)

    monkeypatch.setattr(Path, ask, refusing)  # root may read everything


@UNREADABLE
async def test_one_that_cannot_be_read_does_not_hide_the_others(library, tmp_path, monkeypatch, ask, error):
    folder = tmp_path / "kept"
    recorded(folder, "good.webm")
    recorded(folder, "refused.webm")
    recorded(folder, "running.webm", finished=False)
    be_unreadable(monkeypatch, ask, error, "refused.webm", "running.webm.part")
    assert {one.name: one.state for one in await library.find()} == {
        "good.webm": RecordingState.FINISHED,
        "refused.webm": RecordingState.DAMAGED,
        "running.webm.part": RecordingState.UNFINISHED,
    }


@UNREADABLE
async def test_one_that_cannot_be_read_does_not_keep_the_others(tmp_path, events, monkeypatch, ask, error):
    store = SettingsStore(tmp_path / "profile", tmp_path / "kept")
    store.current = Settings(recordings_days=7)
    library = RecordingLibrary(store, events.append)
    old = int(time.time() * 1000) - 8 * DAY_MS
    for name in ("a.webm", "refused.webm"):
        recorded(tmp_path / "kept", name, started_at=old)
    recorded(tmp_path / "kept", "cut.webm", finished=False)
    recorded(tmp_path / "kept", "whole.webm", finished=False)
    be_unreadable(monkeypatch, ask, error, "refused.webm", "cut.webm.part")
    library.tend()
    await library._tending
    assert {one.name for one in (tmp_path / "kept").iterdir()} == {"refused.webm", "cut.webm.part", "whole.webm"}
    assert events[-1] == RecordingsTended(finished=1, deleted=1)
    await library.aclose()
