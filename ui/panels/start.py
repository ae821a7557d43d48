"""The Start page: one large Start, the box E-mail, a tracking code, and the mode where the rep may choose (B-3.1)."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QFrame, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget
from typing_extensions import override

from support_manager.protocol import limits
from support_manager.protocol.views import Mode
from ui.widgets.kit import SPACE_1, SPACE_2, SPACE_3, SPACE_5, Desk, bind, button, label


class _Choice(QComboBox):
    """The wheel over it scrolls the page and chooses nothing."""

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class StartPage(QWidget):
    """What a signed-in rep sees while no session's tab is chosen."""

    start_wanted = Signal(object, str)
    """Mode (None: the only one there is) and tracking code."""

    def __init__(self, kit: Desk) -> None:
        super().__init__()
        self._kit = kit
        self.setObjectName("startPage")
        self.setProperty("kind", "page")
        self._title = label("startTitle", "title")
        self._lead = label("startLead", "muted", wrap=True)
        self.start = button("startButton", "primary")
        # The style sheet's least height wins over a widget's own, so the one large button says it in a rule too.
        self.start.setStyleSheet(f"min-height: 42px; font-size: {kit.theme.size('title')}px;")
        self.start.clicked.connect(self._start)
        self.email = QCheckBox()
        self.email.setObjectName("startEmail")
        self.email.setChecked(kit.intents.settings.email_at_start)
        self.email.toggled.connect(self._remember_email)
        self._email_hint = label("startEmailHint", "secondary", wrap=True)
        self._email_hint.setContentsMargins(24, 0, 0, 0)
        self._code_label = label("startCodeLabel", "secondary")
        self.code = QLineEdit()
        self.code.setObjectName("startCode")
        self.code.setMaxLength(limits.TRACKING_CODE_CHARS)
        self.code.returnPressed.connect(self._start)
        self._code_label.setBuddy(self.code)
        self._mode_label = label("startModeLabel", "secondary")
        self.mode = _Choice()
        self.mode.setObjectName("startMode")
        self._mode_label.setBuddy(self.mode)
        for mode in (Mode.MULTI, Mode.SINGLE):
            self.mode.addItem("", mode)
        self.mode.setCurrentIndex(max(0, self.mode.findData(kit.intents.settings.mode)))
        self._invite = label("startInvite", "secondary", wrap=True)
        self._invite.setAlignment(Qt.AlignmentFlag.AlignCenter)

        self._assist = button("startAssist", "link")
        bind(self._assist, kit.actions.assist)

        card = QFrame()
        card.setObjectName("startCard")
        card.setProperty("kind", "card")
        card.setFixedWidth(420)
        column = QVBoxLayout(card)
        column.setContentsMargins(SPACE_5, SPACE_5, SPACE_5, SPACE_5)
        column.setSpacing(SPACE_1)
        column.addWidget(self._title)
        column.addWidget(self._lead)
        column.addSpacing(SPACE_3)
        column.addWidget(self.email)
        column.addWidget(self._email_hint)
        column.addSpacing(SPACE_2)
        column.addWidget(self._code_label)
        column.addWidget(self.code)
        column.addSpacing(SPACE_2)
        column.addWidget(self._mode_label)
        column.addWidget(self.mode)
        column.addSpacing(SPACE_3)
        column.addWidget(self.start)
        # In the smallest window there is less room than all of it takes; without an area of its own it is squeezed.
        page = QWidget()
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidget(page)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(self._area)
        outer = QVBoxLayout(page)
        outer.addStretch(2)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(card)
        row.addStretch(1)
        outer.addLayout(row)
        outer.addSpacing(SPACE_3)
        outer.addWidget(self._invite)
        outer.addWidget(self._assist, 0, Qt.AlignmentFlag.AlignHCenter)
        outer.addStretch(3)
        QWidget.setTabOrder(self.start, self.email)
        kit.actions.start_session.changed.connect(self.show_state)
        kit.work.running_changed.connect(self.show_state)
        self.show_state()
        kit.on_words(self.retranslate)

    def show_state(self) -> None:
        """Show what can be used just now, and the mode where both are allowed (B-3.4)."""
        account = self._kit.intents.account
        both = account is not None and len(account.modes) > 1
        self._mode_label.setVisible(both)
        self.mode.setVisible(both)
        busy = self._kit.work.running("start_session")
        self.start.setEnabled(self._kit.actions.start_session.isEnabled() and not busy)
        self.start.setText(self._kit.say("start.busy" if busy else "start.button"))

    def take_focus(self) -> None:
        """Put the focus on Start, so that Enter starts."""
        self.start.setFocus()
        self._area.ensureWidgetVisible(self.start)

    def retranslate(self) -> None:
        """Take the words of the present language."""
        say = self._kit.say
        self.setAccessibleName(say("start.title"))
        self._title.setText(say("start.title"))
        self._lead.setText(say("start.lead"))
        self.email.setText(say("start.email"))
        self._email_hint.setText(say("start.email.hint"))
        self._code_label.setText(say("start.code"))
        self.code.setAccessibleName(say("start.code"))
        self.code.setPlaceholderText(say("start.code.hint"))
        self._mode_label.setText(say("start.mode"))
        self.mode.setAccessibleName(say("start.mode"))
        for at in range(self.mode.count()):
            self.mode.setItemText(at, say(f"start.mode.{Mode(self.mode.itemData(at)).value}"))
        self._invite.setText(say("start.invite"))
        self.show_state()

    def _start(self) -> None:
        if not self.start.isEnabled():
            return
        account = self._kit.intents.account
        both = account is not None and len(account.modes) > 1
        self.start_wanted.emit(Mode(self.mode.currentData()) if both else None, self.code.text().strip())
        self.code.clear()

    def _remember_email(self, wanted: bool) -> None:
        self._kit.work.run(self._kit.intents.change_settings(email_at_start=wanted), name="change_settings:email")
