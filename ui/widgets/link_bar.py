"""The thin bar at the window's foot: how the connection to the relay stands, in words; always there."""

import math
from urllib.parse import urlsplit

from PySide6.QtCore import QElapsedTimer, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout

from support_manager.events import Link, LinkChanged
from ui.error_text import ErrorText
from ui.widgets.elided import ElidedLabel
from ui.widgets.kit import SPACE_1, SPACE_3, Kit, button, label, set_kind
from ui.widgets.state_dot import Mark, StateDot

MARKS = {
    Link.SIGNED_OUT: Mark.GONE,
    Link.CONNECTING: Mark.HALF,
    Link.ONLINE: Mark.DOT,
    Link.RECONNECTING: Mark.LOST,
}


class LinkBar(QFrame):
    """Counts down to the next try while the connection is away.

    Signals:
        certificate_wanted: the rep wants to look at the certificate that keeps it away.
    """

    certificate_wanted = Signal()

    def __init__(self, kit: Kit) -> None:
        super().__init__()
        self._kit = kit
        self._errors = ErrorText(kit.translator)
        self._state = LinkChanged(kit.intents.link)
        self._since = QElapsedTimer()
        self._since.start()
        self.setObjectName("linkBar")
        self.setProperty("kind", "status")
        self.setFixedHeight(26)
        self._dot = StateDot(kit, "linkDot")
        self._words = ElidedLabel("linkWords", "secondary")
        self._certificate = button("linkCertificate", "link")
        self._certificate.clicked.connect(self.certificate_wanted)
        self._certificate.hide()
        self._relay = label("linkRelay", "secondary")
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE_3, 0, SPACE_3, 0)
        row.setSpacing(SPACE_1)
        row.addWidget(self._dot)
        row.addWidget(self._words, 1)
        row.addWidget(self._certificate)
        row.addWidget(self._relay)
        self._clock = QTimer(self, interval=500)
        self._clock.timeout.connect(self.retranslate)
        kit.on_words(self.retranslate)

    def words(self) -> str:
        """What the bar says."""
        return self._words.text()

    def take(self, event: LinkChanged) -> None:
        """Show another state of the connection."""
        self._state = event
        self._since.restart()
        if event.link is Link.RECONNECTING and event.retry_in_s > 0:
            self._clock.start()
        else:
            self._clock.stop()
        self.retranslate()

    def offer_certificate(self, offered: bool) -> None:
        """Have the way to a certificate that is not trusted here, or no longer."""
        self._certificate.setVisible(offered)

    def retranslate(self) -> None:
        """Say how things stand, in the present language."""
        say, state = self._kit.say, self._state
        left = math.ceil(state.retry_in_s - self._since.elapsed() / 1000)
        if state.link is Link.RECONNECTING and left > 0:
            words = say("link.retry", count=left)
        else:
            words = say(f"link.{state.link.value}")
        if state.code is not None:
            words = f"{words} {self._errors.of(state.code)}"
        self._words.setText(words)
        set_kind(self._words, "kind", "warning" if state.link is Link.RECONNECTING else "secondary")
        self._dot.set_state(MARKS[state.link], words)
        self._certificate.setText(say("link.certificate"))
        host = urlsplit(self._kit.intents.relay_url).netloc
        self._relay.setText(say("link.relay", host=host) if host else "")
