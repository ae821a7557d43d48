"""The multisession window on scripted sessions, driven inside an ordinary asyncio loop."""

import asyncio
import time
from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QPlainTextEdit, QWidget

from tests.harness.session_script import ScriptedIntents
from ui.actions import Actions
from ui.bridge import Bridge
from ui.commands import Commands
from ui.error_text import ErrorText
from ui.i18n import Translator
from ui.theme import Theme
from ui.widgets.kit import Kit
from ui.window import MainWindow
from ui.work import Work


def drain() -> None:
    """Let Qt do what is posted, deletions too."""
    QCoreApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait for `condition`, with Qt and asyncio both going on."""
    end = time.monotonic() + seconds
    while True:
        drain()
        if condition():
            return
        assert time.monotonic() < end, "not in time"
        await asyncio.sleep(0.005)


class WindowUnderTest:
    """Window, commands and intents as the composition root puts them together."""

    def __init__(self, language: str = "en", **settings: object) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        settings.setdefault("window", {"sides": "208,280,0,0"})  # both unfolded, however narrow the screen is
        self.intents = ScriptedIntents(**settings)
        self.translator = Translator(language)
        self.theme = Theme("light")
        self.theme.apply(app)
        self.work = Work(ErrorText(self.translator))
        self.bridge = Bridge(self.intents.subscribe)
        self.actions = Actions(self.theme, self.translator)
        kit = Kit(self.intents, self.translator, self.theme, self.work)  # type: ignore[arg-type]
        self.window = MainWindow(kit, self.actions, self.bridge)
        self.commands = Commands(kit, self.actions, self.window)
        self.commands.ending.connect(self.window.after_session.expect_end)
        self.window.resize(1280, 800)
        self.window.show()
        self.window.activateWindow()
        drain()

    def find(self, name: str, kind: type[QWidget] = QWidget) -> QWidget:
        """The visible widget of that object name."""
        found = [one for one in self.window.findChildren(kind, name) if one.isVisible()]
        assert len(found) == 1, f"{len(found)} visible widgets called {name}"
        return found[0]

    def shown(self, name: str) -> bool:
        """Whether a widget of that name is visible."""
        return any(one.isVisible() for one in self.window.findChildren(QWidget, name))

    def words(self) -> list[str]:
        """Every text a person can see in the window now."""
        found = [self.window.windowTitle()]
        for widget in self.window.findChildren(QWidget):
            if not widget.isVisible():
                continue
            if isinstance(widget, QLabel | QAbstractButton):
                found.append(widget.text())
            if isinstance(widget, QLineEdit | QPlainTextEdit):
                found.append(widget.placeholderText())
            found += [widget.accessibleName(), widget.toolTip()]
        return [text for text in found if text]

    def close(self) -> None:
        self.bridge.close()
        self.window.close()
        self.window.deleteLater()
        drain()
        assert not shiboken6.isValid(self.window)
