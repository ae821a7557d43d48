"""The settings file: read leniently, written whole, never lost."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from support_manager.errors import AppCode, LocalProblem
from support_manager.protocol.views import Mode
from support_manager.settings import Settings, SettingsStore, profile_folder


def test_without_a_file_the_usual_settings_hold(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path / "profile")
    assert store.current == Settings()
    assert store.set_aside is None
    assert not (tmp_path / "profile").exists(), "reading makes nothing"


@pytest.mark.rule("B-3.1")
async def test_what_was_changed_is_there_the_next_time(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path)
    await store.change(email_at_start=False, mode=Mode.SINGLE, pinned_certificates={"a:443": "AA"})
    again = SettingsStore(tmp_path).current
    assert not again.email_at_start
    assert again.mode is Mode.SINGLE
    assert again.pinned_certificates == {"a:443": "AA"}
    assert os.listdir(tmp_path) == ["settings.json"], "nothing is left beside it"


async def test_changes_at_once_are_all_kept(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path)
    await asyncio.gather(
        store.change(language="ro"), store.change(theme="dark"), store.change(relay_url="https://relay.example.org")
    )
    again = SettingsStore(tmp_path).current
    assert (again.language, again.theme, again.relay_url) == ("ro", "dark", "https://relay.example.org")


def test_unknown_and_spoilt_settings_cost_only_themselves(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(
        json.dumps({"language": "ro", "theme": 7, "mode": "both", "from_the_future": {"a": 1}})
    )
    store = SettingsStore(tmp_path)
    assert store.current == Settings(language="ro")
    assert store.set_aside is None


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b"", b"[" * 100_000])
async def test_an_unreadable_file_is_kept_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "settings.json").write_bytes(content)
    store = SettingsStore(tmp_path)
    assert store.current == Settings()
    assert store.set_aside is not None
    assert store.set_aside.name.startswith("settings.json.unreadable-")
    await store.change(language="ro")
    assert store.set_aside.read_bytes() == content
    assert SettingsStore(tmp_path).current.language == "ro"


async def test_a_disk_that_refuses_is_told_and_the_old_file_stays(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path)
    await store.change(language="ro")
    blocked = SettingsStore(tmp_path / "settings.json" / "below-a-file")
    with pytest.raises(LocalProblem) as caught:
        await blocked.change(language="en")
    assert caught.value.code is AppCode.SETTINGS_NOT_SAVED
    assert blocked.current.language == "en", "it holds for this run"
    assert SettingsStore(tmp_path).current.language == "ro"


@pytest.mark.parametrize("changes", [{"no_such_setting": 1}, {"language": 3}])
async def test_a_wrong_setting_is_a_bug_of_ours(tmp_path: Path, changes: dict[str, object]) -> None:
    store = SettingsStore(tmp_path)
    with pytest.raises(TypeError):
        await store.change(**changes)
    assert store.current == Settings()


def test_the_profile_folder_is_the_given_one_or_the_platforms(tmp_path: Path) -> None:
    assert profile_folder(tmp_path) == tmp_path
    assert profile_folder().name == "support-manager"
