"""What the controller takes from the settings before anything else is done."""

from pathlib import Path

import pytest

from support_manager.controller import Controller
from support_manager.credentials import CredentialStore
from support_manager.settings import SettingsStore
from tests.harness.scripted_engine import ScriptedEngine


@pytest.mark.rule("B-12.5")
@pytest.mark.parametrize("by_key", [True, False])
async def test_who_is_heard_by_a_key_is_not_heard_before_he_holds_it(tmp_path: Path, by_key: bool) -> None:
    """Not in a call either that is found again after a crash in which he held it."""
    settings = SettingsStore(tmp_path)
    await settings.change(push_to_talk=by_key)
    engine = ScriptedEngine()
    controller = Controller(settings, CredentialStore(), lambda: engine)
    await controller.audio_devices()  # has the engine start
    assert engine.muted is by_key
    await controller.aclose()
