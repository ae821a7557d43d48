"""The strip of a call: who is in it, what can be done, which devices there are, and what is wrong with one."""

import pytest
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton

from support_manager.events import VoiceDevice
from support_manager.media.voice.ports import AudioDevice, Trouble
from support_manager.protocol.activities import ActivityKind, ActivityState
from support_manager.protocol.views import ActivityView
from tests.harness.session_window import WindowUnderTest, drain, until


@pytest.fixture
def desk(qapp):
    made = WindowUnderTest()
    yield made
    made.close()


def talks(desk: WindowUnderTest) -> str:
    """A session in whose call the rep and his customer are."""
    session_id = desk.intents.open().id
    desk.intents.join(session_id)
    runs = {"kind": ActivityKind.VOICE, "state": ActivityState.RUNNING, "asked_by": "rep"}
    voices = tuple(ActivityView(id=f"voice-{who}", subject=who, **runs) for who in ("rep", "ana"))
    desk.intents.change(session_id, view={"activities": voices})
    drain()
    return session_id


def offered(desk: WindowUnderTest, name: str) -> list[str]:
    choice = desk.find(f"call_{name}", QComboBox)
    assert isinstance(choice, QComboBox)
    return [choice.itemText(at) for at in range(choice.count())]


async def test_it_names_who_talks_and_offers_the_devices(desk: WindowUnderTest):
    talks(desk)
    await until(lambda: offered(desk, "microphone") == ["System microphone", "Desk microphone"])
    assert offered(desk, "speaker") == ["System speaker", "Headset"]
    names = [one.text() for one in desk.window.findChildren(QLabel, "callName") if one.isVisible()]
    assert names == ["You", "Ana Popescu"]
    assert desk.shown("call_mute")
    assert not desk.shown("callProblem")
    desk.translator.set_language("ro")
    assert offered(desk, "microphone")[0] == "Microfonul sistemului"


async def test_a_device_that_goes_is_said_and_the_lists_are_of_now_until_another_one_is_chosen(
    desk: WindowUnderTest, monkeypatch: pytest.MonkeyPatch
):
    session_id = talks(desk)
    await until(lambda: "Desk microphone" in offered(desk, "microphone"))

    async def others() -> tuple[tuple[AudioDevice, ...], tuple[AudioDevice, ...]]:
        return (AudioDevice("m2", "Webcam"),), (AudioDevice("s1", "Headset"),)

    monkeypatch.setattr(desk.intents, "audio_devices", others)
    desk.intents.emit(VoiceDevice(session_id, Trouble.MICROPHONE_LOST))
    await until(lambda: offered(desk, "microphone") == ["System microphone", "Webcam"])
    problem = desk.find("callProblem", QLabel)
    assert isinstance(problem, QLabel)
    assert problem.text().startswith("The microphone is gone")

    choice = desk.find("call_microphone", QComboBox)
    assert isinstance(choice, QComboBox)
    choice.setCurrentIndex(1)
    choice.activated.emit(1)
    await until(lambda: ("use_audio", "m2", "") in desk.intents.asked)
    assert not desk.shown("callProblem")


async def test_choosing_a_speaker_leaves_what_is_wrong_with_the_microphone(desk: WindowUnderTest):
    session_id = talks(desk)
    await until(lambda: "Headset" in offered(desk, "speaker"))
    desk.intents.emit(VoiceDevice(session_id, Trouble.MICROPHONE_LOST))
    desk.intents.emit(VoiceDevice(session_id, Trouble.SPEAKER_LOST))
    choice, problem = desk.find("call_speaker", QComboBox), desk.find("callProblem", QLabel)
    assert isinstance(choice, QComboBox)
    assert isinstance(problem, QLabel)
    await until(lambda: problem.text().count("\n") == 1)
    choice.setCurrentIndex(1)
    choice.activated.emit(1)
    await until(lambda: [one for one in desk.intents.asked if one[0] == "use_audio"])
    assert problem.text().startswith("The microphone is gone")
    assert "\n" not in problem.text()


async def test_what_is_wrong_with_each_device_stands_until_that_one_is_back(desk: WindowUnderTest):
    session_id = talks(desk)
    desk.intents.emit(VoiceDevice(session_id, Trouble.MICROPHONE_LOST))
    desk.intents.emit(VoiceDevice(session_id, Trouble.SPEAKER_LOST))
    await until(lambda: desk.shown("callProblem"))
    problem = desk.find("callProblem", QLabel)
    assert isinstance(problem, QLabel)
    await until(lambda: len(problem.text().splitlines()) == 2)
    desk.intents.emit(VoiceDevice(session_id, Trouble.MICROPHONE_BACK))
    await until(lambda: problem.text().startswith("The speaker is gone"))
    desk.intents.emit(VoiceDevice(session_id, Trouble.SPEAKER_BACK))
    await until(lambda: not desk.shown("callProblem"))


async def test_a_narrow_window_cuts_off_no_line_of_what_is_wrong(desk: WindowUnderTest):
    session_id = talks(desk)
    desk.translator.set_language("ro")
    desk.window.resize(1000, 700)
    for trouble in (Trouble.MICROPHONE_UNSERVED, Trouble.SPEAKER_UNSERVED):
        desk.intents.emit(VoiceDevice(session_id, trouble))
    await until(lambda: desk.shown("callProblem"))
    problem = desk.find("callProblem", QLabel)
    await until(lambda: problem.height() >= problem.heightForWidth(problem.width()))


@pytest.mark.parametrize("language", ["en", "ro"])
@pytest.mark.parametrize("width", [1000, 1280, 1900])
async def test_no_button_or_list_is_cut_off_however_narrow_the_window(desk: WindowUnderTest, language: str, width: int):
    desk.translator.set_language(language)
    talks(desk)
    await until(lambda: len(offered(desk, "microphone")) == 2)
    desk.window.resize(width, 700)
    strip = desk.find("callStrip")
    buttons = [desk.find(f"call_{name}", QPushButton) for name in ("mute", "hang_up", "end_call")]
    lists = [desk.find(f"call_{name}", QComboBox) for name in ("microphone", "speaker")]
    words = desk.find("callWords", QLabel)

    def all_fits() -> bool:
        parts = [*buttons, *lists, words]
        inside = all(strip.contentsRect().contains(part.geometry()) for part in parts)
        whole = all(part.width() >= part.sizeHint().width() for part in buttons)
        apart = all(not one.geometry().intersects(two.geometry()) for one in parts for two in parts if one is not two)
        return inside and whole and apart and all(part.width() >= 90 for part in lists)

    await until(all_fits)
    assert words.width() >= 150
    beside = [made.geometry().center().y() == buttons[0].geometry().center().y() for made in buttons]
    assert all(beside) or width == 1000, "with room they all stand in one row"
    desk.window.resize(1900, 700)
    await until(lambda: all(made.y() == buttons[0].y() for made in buttons) and all_fits())
    assert buttons[0].y() < words.geometry().bottom(), "and beside the words again"
