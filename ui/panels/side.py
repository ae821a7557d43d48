"""The left side of a session: its number and link, who is in it, and what the customer's device can do."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from support_manager.protocol.views import Capability, Device
from ui.models.sessions import SessionEntry
from ui.panels.written import Written
from ui.widgets.elided import ElidedLabel
from ui.widgets.kit import SPACE_1, SPACE_2, SPACE_3, SPACE_4, Desk, Kit, label
from ui.widgets.number_label import CopyButton, NumberLabel
from ui.widgets.people_list import PeopleList
from ui.widgets.plain import isolated, one_line

_CAPABILITIES = (("screen", "monitor"), ("microphone", "mic"), ("camera", "video"), ("network", "wifi"))
_COLOURS = {Capability.YES: "positive", Capability.NO: "warning", Capability.UNKNOWN: "text-muted"}


class DeviceList(QWidget):
    """What the customer's browser said it can do, in plain words (B-2.4)."""

    def __init__(self, kit: Kit) -> None:
        super().__init__()
        self._kit = kit
        self._device = Device()
        self.setObjectName("deviceList")
        self._rows: dict[str, tuple[QLabel, QLabel]] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_1)
        for key, _ in (*_CAPABILITIES, ("phone", ""), ("browser", "")):
            icon, words = QLabel(), label(f"device_{key}", wrap=True)
            icon.setFixedWidth(16)
            self._rows[key] = (icon, words)
            row = QHBoxLayout()
            row.setSpacing(SPACE_2)
            row.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
            row.addWidget(words, 1)
            column.addLayout(row)
        kit.theme.changed.connect(self.show_device)
        kit.translator.changed.connect(self.show_device)

    def take(self, device: Device) -> None:
        """Show another device."""
        if device != self._device or not self._rows["screen"][1].text():
            self._device = device
            self.show_device()

    def show_device(self) -> None:
        """Show the device in the present words and colours."""
        say, theme = self._kit.say, self._kit.theme
        for key, icon_name in _CAPABILITIES:
            icon, words = self._rows[key]
            can: Capability = getattr(self._device, key)
            key_of_words = f"device.{key}.{can.value}"
            if key == "screen" and can is Capability.NO and self._device.secure is Capability.NO:
                key_of_words = "device.screen.insecure"
            words.setText(say(key_of_words))
            # A missing camera is nothing to worry about; a screen that cannot be shown is.
            worry = key in {"screen", "network"}
            role = "text-muted" if can is Capability.NO and not worry else _COLOURS[can]
            icon.setPixmap(theme.icon(icon_name, role).pixmap(16, 16))
        icon, words = self._rows["phone"]
        words.setText(say("device.phone"))
        icon.setPixmap(theme.icon("smartphone", "text-muted").pixmap(16, 16))
        self._show_row("phone", self._device.phone)
        icon, words = self._rows["browser"]
        words.setText(one_line(self._device.browser, 60))
        icon.setPixmap(theme.icon("globe", "text-muted").pixmap(16, 16))
        self._show_row("browser", bool(self._device.browser))

    def _show_row(self, key: str, visible: bool) -> None:
        for part in self._rows[key]:
            part.setVisible(visible)


class SessionSide(QScrollArea):
    """All the facts about one session."""

    def __init__(self, kit: Desk, entry: SessionEntry) -> None:
        super().__init__()
        self._kit = kit
        self._entry = entry
        self.setObjectName("sessionSide")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.number = NumberLabel(kit, "sideNumber", large=False)
        self._link = ElidedLabel("sideLink", "secondary")
        self._copy_link = CopyButton(kit, "sideCopyLink", "copy.link")
        self._started = label("sideStarted", "secondary", wrap=True)
        self._tracking = label("sideTracking", "secondary", wrap=True)
        self._written = Written(kit)
        self._people_title = label("peopleTitle", "caption")
        self._people = PeopleList(kit)
        self._device_title = label("deviceTitle", "caption", wrap=True)
        self._device = DeviceList(kit)

        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(SPACE_3, 0, SPACE_3, SPACE_3)
        column.setSpacing(SPACE_2)
        column.addWidget(self.number)
        link = QHBoxLayout()
        link.setSpacing(SPACE_1)
        link.addWidget(self._link, 1)
        link.addWidget(self._copy_link)
        column.addLayout(link)
        column.addWidget(self._started)
        column.addWidget(self._tracking)
        column.addWidget(self._written)
        column.addSpacing(SPACE_4)
        column.addWidget(self._people_title)
        column.addWidget(self._people)
        column.addSpacing(SPACE_3)
        column.addWidget(self._device_title)
        column.addWidget(self._device)
        column.addStretch(1)
        self.setWidget(inner)
        self.take(entry)
        kit.on_words(self.retranslate)

    def take(self, entry: SessionEntry) -> None:
        """Show the session's present facts."""
        self._entry = entry
        view = entry.snapshot.view
        self.number.set_number(view.number)
        self._link.setText(view.link.split("://", 1)[-1])
        self._copy_link.set_text_to_copy(view.link)
        self._people.take(entry.snapshot)
        customer = entry.customer
        for part in (self._device_title, self._device):
            part.setVisible(customer is not None)
        if customer is not None:
            self._device.take(customer.device)
        self._show_words()

    def retranslate(self) -> None:
        """Take the words of the present language."""
        self._people_title.setText(self._kit.say("people.title"))
        self._show_words()

    def _show_words(self) -> None:
        say, view = self._kit.say, self._entry.snapshot.view
        time = self._kit.translator.time(view.started_at)
        self._started.setText(say("side.started", time=time))
        self._tracking.setVisible(bool(view.tracking_code))
        self._tracking.setText(say("side.tracking", code=isolated(view.tracking_code)))
        self._written.take(view.intake, () if view.handover is None else (view.handover,))
        customer = self._entry.customer
        if customer is not None:
            self._device_title.setText(say("device.title", name=isolated(customer.name)))
