"""The strip of a session's call: who is in it and how loud, what the rep can do, which devices, what is wrong."""

import shiboken6
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QStyle,
    QStyleOptionComboBox,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from support_manager.events import VoiceDevice, VoiceHeard
from support_manager.media.voice.ports import AudioDevice, Trouble
from support_manager.protocol.calls import CallView
from ui.models.sessions import SessionEntry
from ui.widgets.elided import ElidedLabel
from ui.widgets.kit import SPACE_1, SPACE_2, SPACE_3, Desk, bind, button, label, name_it, set_kind
from ui.widgets.plain import one_line

_METER = QSize(44, 8)
_FALL = 0.06
_WORDS_WIDTH = 160
"""Of the words that is left beside the buttons; with less, the buttons go to a row of their own."""
_READABLE, _NAME_WIDTH = 2, 72
"""Of so few people each name keeps that much, px, while the lists of devices shrink; of more it may be elided whole."""
_LIST_WIDTH = 90
"""To which a list of devices shrinks where there is no room, px."""


class LevelMeter(QWidget):
    """How loud somebody is: a bar that rises at once and falls slowly. Its words are the name beside it."""

    def __init__(self, kit: Desk) -> None:
        super().__init__()
        self._kit = kit
        self._level = 0.0
        self.setObjectName("levelMeter")
        self.setFixedSize(_METER)

    def show_level(self, level: float) -> None:
        """Show a level, 0 to 1."""
        now = max(level, self._level - _FALL)
        if abs(now - self._level) > 0.01:
            self._level = now
            self.update()

    @override
    def sizeHint(self) -> QSize:
        return _METER

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._kit.theme.color("line"))
        width = int(self.width() * self._level)
        colour = "warning" if self._level > 0.97 else "positive"
        painter.fillRect(0, 0, width, self.height(), self._kit.theme.color(colour))


class _Speaker(QWidget):
    """One person in the call."""

    def __init__(self, kit: Desk, name: str, words: str) -> None:
        super().__init__()
        self.setObjectName("callSpeaker")
        self.meter = LevelMeter(kit)
        shown = self._shown = ElidedLabel("callName", "body")
        shown.setText(words)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, SPACE_2, 0)
        row.setSpacing(SPACE_1)
        row.addWidget(self.meter)
        row.addWidget(shown)
        self.setAccessibleName(name)

    def keep_readable(self) -> None:
        """Keep the beginning of the name in sight, whatever is beside it."""
        self._shown.setMinimumWidth(min(_NAME_WIDTH, self._shown.sizeHint().width()))


class _Devices(QComboBox):
    """A list that may become narrow: what is chosen is then elided, and the list that opens is as wide as it needs."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setMinimumContentsLength(20)  # with room, what is chosen at first is read whole, in both languages
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumWidth(_LIST_WIDTH)

    @override
    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        super().initStyleOption(option)
        control, part = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(control, option, part, self).width()
        option.currentText = self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideRight, room)

    @override
    def showPopup(self) -> None:
        self.view().setMinimumWidth(self.view().sizeHintForColumn(0) + 2 * SPACE_3)
        super().showPopup()


def _about(trouble: Trouble) -> str:
    """Which device; the echo is neither's."""
    return next((device for device in ("microphone", "speaker") if device in trouble.value), "")


class CallStrip(QFrame):
    """Stands above the middle of a session while somebody is in its call or asked to be."""

    def __init__(self, kit: Desk, entry: SessionEntry) -> None:
        super().__init__()
        self._kit, self._entry = kit, entry
        self._face: object = None
        self._speakers: dict[str, _Speaker] = {}
        self._troubles: dict[str, str] = {}
        """What is wrong, by the device that it is about."""
        self.setObjectName("callStrip")
        self.setProperty("kind", "banner")
        self._words = label("callWords", "strong", wrap=True)
        self._people = QHBoxLayout()
        self._people.setSpacing(SPACE_1)
        self._problem = label("callProblem", "warning", wrap=True)
        self._microphone, self._speaker = self._choice("microphone"), self._choice("speaker")
        actions = kit.actions
        self._buttons: dict[str, QPushButton] = {}
        self._rows = [QHBoxLayout() for _ in range(3)]
        """The words with all buttons; where there is no room for that, the words alone and the buttons below."""
        for row in self._rows:
            row.setSpacing(SPACE_2)
        self._rows[0].addWidget(self._words, 1)
        for row in self._rows[1:]:
            row.addStretch(1)
        self._in_row: dict[str, int] = {}
        for name, kind in (
            ("voice", "primary"),
            ("mute", "secondary"),
            ("hang_up", "secondary"),
            ("end_call", "quiet"),
        ):
            made = self._buttons[name] = button(f"call_{name}", kind)
            bind(made, actions[name])
            self._rows[0].addWidget(made)
            self._in_row[name] = 0
        second = QHBoxLayout()
        second.setSpacing(SPACE_2)
        second.addLayout(self._people)
        second.addStretch(1)
        second.addWidget(self._microphone)
        second.addWidget(self._speaker)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_3, SPACE_2, SPACE_3, SPACE_2)
        column.setSpacing(SPACE_1)
        for row in self._rows:
            column.addLayout(row)
        column.addLayout(second)
        column.addWidget(self._problem)
        self._second = second
        # The column that it stands in may be narrower than all buttons and lists. Qt counts the lines of the words for
        # no less than the least width, so that the last of them would be cut off.
        self.setMinimumWidth(1)
        kit.on_words(self.retranslate)

    def _choice(self, name: str) -> QComboBox:
        made = _Devices(f"call_{name}")
        made.activated.connect(lambda: self._chosen())
        return made

    def take(self, entry: SessionEntry) -> None:
        """Show the call as it is now."""
        self._entry = entry
        call, you = entry.snapshot.call, entry.snapshot.view.you
        inside = you in call.speaking
        self.setVisible(call.is_there and entry.ended is None)
        if not inside:
            self._troubles.clear()
        t = self._kit.translator.t
        self._problem.setText("\n".join(t("voice", f"trouble.{trouble}") for trouble in self._troubles.values()))
        self._problem.setVisible(bool(self._troubles))
        face = (call, inside, tuple((each.id, each.name) for each in entry.snapshot.view.participants))
        if face == self._face:
            return
        was_inside = self._face is not None and self._microphone.isVisibleTo(self)
        self._face = face
        self._show_people(call, you)
        self._words.setText(self._say(call, you))
        set_kind(self, "tone", "ask" if you in call.asked else "")
        for name, made in self._buttons.items():
            wanted = {"voice": not inside, "mute": inside, "hang_up": inside or you in call.asked}
            made.setVisible(wanted.get(name, entry.snapshot.has_control))
        for choice in (self._microphone, self._speaker):
            choice.setVisible(inside)
        self._arrange()
        if inside and not was_inside:
            self._fill()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """Put the buttons into the rows in which each has room for its words."""
        margins = self.contentsMargins()
        room = self.width() - margins.left() - margins.right() - 2 * SPACE_3
        widths = {name: made.sizeHint().width() for name, made in self._buttons.items() if not made.isHidden()}
        row, used = 0, _WORDS_WIDTH
        if _WORDS_WIDTH + sum(width + SPACE_2 for width in widths.values()) > room:
            row, used = 1, 0
        rows = dict.fromkeys(self._buttons, row)
        for name, width in widths.items():
            if row and used and used + SPACE_2 + width > room:
                row, used = 2, 0
            rows[name], used = row, used + SPACE_2 + width
        if rows != self._in_row:
            self._in_row = rows
            for name, at in rows.items():
                self._rows[at].addWidget(self._buttons[name])

    def take_levels(self, heard: VoiceHeard) -> None:
        """Show how loud everybody is."""
        you = self._entry.snapshot.view.you
        together = max(heard.people.values(), default=0.0)
        for who, speaker in self._speakers.items():
            if who == you:
                speaker.meter.show_level(heard.here)
            elif self._entry.snapshot.has_control:
                speaker.meter.show_level(heard.people.get(who, 0.0))
            else:  # an assistant hears all the others as one
                speaker.meter.show_level(together)

    def take_trouble(self, trouble: VoiceDevice) -> None:
        """Say what is wrong with a device, and list anew those that are there now."""
        about = _about(trouble.trouble)
        if trouble.trouble in (Trouble.MICROPHONE_BACK, Trouble.SPEAKER_BACK):
            self._troubles.pop(about, None)
        else:
            self._troubles[about] = trouble.trouble.value
        self.take(self._entry)
        if self._microphone.isVisibleTo(self):
            self._fill()

    def _show_people(self, call: CallView, you: str) -> None:
        while (item := self._people.takeAt(0)) is not None:
            gone = item.widget()
            if gone is not None:
                gone.hide()
                gone.deleteLater()
        self._speakers = {}
        for who in call.speaking:
            name = self._name(who)
            t = self._kit.translator.t
            shown = t("voice", "strip.you") if who == you else name
            words = t("voice", "strip.muted", name=shown) if who in call.muted else shown
            self._speakers[who] = _Speaker(self._kit, name, words)
            if len(call.speaking) <= _READABLE:
                self._speakers[who].keep_readable()
            self._people.addWidget(self._speakers[who])

    def _name(self, who: str) -> str:
        person = next((each for each in self._entry.snapshot.view.participants if each.id == who), None)
        return one_line(person.name, 40) if person is not None else ""

    def _say(self, call: CallView, you: str) -> str:
        t = self._kit.translator.t
        if you in call.asked:
            controller = self._entry.snapshot.controller
            return t("voice", "strip.asked", name=one_line(controller.name, 40) if controller is not None else "")
        if call.asked:
            return t("voice", "strip.asking", names=", ".join(self._name(who) for who in call.asked))
        if you not in call.speaking:
            return t("voice", "strip.others", names=", ".join(self._name(who) for who in call.speaking))
        return t("voice", "strip.inside" if len(call.speaking) > 1 else "strip.alone")

    def retranslate(self) -> None:
        """Take the words of the present language."""
        t = self._kit.translator.t
        name_it(self._microphone, t("voice", "microphone"))
        name_it(self._speaker, t("voice", "speaker"))
        for choice, system in ((self._microphone, "microphone.system"), (self._speaker, "speaker.system")):
            if choice.count():
                choice.setItemText(0, t("voice", system))
        self._face = None
        self.take(self._entry)

    def _fill(self) -> None:
        """List the devices; asking the system takes a moment, so in a thread."""
        self._kit.work.run(self._kit.intents.audio_devices(), name="audio_devices", on_done=self._listed)

    def _listed(self, found: tuple[tuple[AudioDevice, ...], tuple[AudioDevice, ...]]) -> None:
        if not shiboken6.isValid(self):
            return
        settings = self._kit.intents.settings
        t = self._kit.translator.t
        for choice, system, devices, chosen in (
            (self._microphone, t("voice", "microphone.system"), found[0], settings.microphone),
            (self._speaker, t("voice", "speaker.system"), found[1], settings.speaker),
        ):
            choice.clear()
            choice.addItem(system, "")
            for device in devices:
                choice.addItem(one_line(device.name, 60), device.id)
            choice.setCurrentIndex(max(0, choice.findData(chosen)))

    def _chosen(self) -> None:
        settings = self._kit.intents.settings
        microphone, speaker = str(self._microphone.currentData()), str(self._speaker.currentData())
        # Only what changes is opened anew, and only of that it is told anew what is wrong.
        if microphone != settings.microphone:
            self._troubles.pop("microphone", None)
        if speaker != settings.speaker:
            self._troubles.pop("speaker", None)
        self.take(self._entry)
        self._kit.intents.use_audio(microphone, speaker)
        keep = self._kit.intents.change_settings(microphone=microphone, speaker=speaker)
        self._kit.work.run(keep, name="change_settings:audio")
