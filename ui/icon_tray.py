"""The icon tray: a small movable bar above all windows with the same commands, for working beside a screen (B-13.2)."""

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QGuiApplication, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QToolButton, QVBoxLayout, QWidget
from typing_extensions import override

from ui.session_menu import SessionMenu
from ui.widgets.command_button import CommandButton
from ui.widgets.kit import ROW, SPACE_1, SPACE_2, WIDE_ICON, Desk, icon_button, label, name_it
from ui.widgets.menu_button import opens
from ui.widgets.number_label import tabular
from ui.widgets.plain import number_in_threes

HEIGHT = 40
SNAP_PX = 16
"""So near to an edge of the screen the bar jumps to it."""
STEP_PX = 16
"""How far an arrow key moves it."""
_SAVE_MS = 800
_PLACE, _OPEN = "icon_tray", "icon_tray_open"
"""Its entries in the setting `window`."""


def snapped(place: QRect, screen: QRect) -> QPoint:
    """Where the bar goes when it is let go at `place`: wholly onto the screen, and to an edge that is near.

    Args:
        place: where it was let go, in pixels.
        screen: the part of the screen that task bars leave.
    """
    right, bottom = screen.right() + 1 - place.width(), screen.bottom() + 1 - place.height()
    x, y = _within(place, screen).toTuple()
    x = screen.left() if x - screen.left() < SNAP_PX else right if right - x < SNAP_PX else x
    y = screen.top() if y - screen.top() < SNAP_PX else bottom if bottom - y < SNAP_PX else y
    return QPoint(max(screen.left(), x), y)


def _within(place: QRect, screen: QRect) -> QPoint:
    return QPoint(
        max(screen.left(), min(place.x(), screen.right() + 1 - place.width())),
        max(screen.top(), min(place.y(), screen.bottom() + 1 - place.height())),
    )


class _Grip(QToolButton):
    """Drags the bar by mouse or arrow keys; a click, Enter or Space folds it to the grip and back."""

    def __init__(self, bar: "IconTray") -> None:
        super().__init__()
        self._bar = bar
        self._pressed_at: QPoint | None = None
        self._moved = False
        self.setObjectName("iconTrayGrip")
        self.setProperty("kind", "icon")
        self.setFixedSize(24, ROW)
        self.setCursor(Qt.CursorShape.SizeAllCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed_at, self._moved = event.globalPosition().toPoint() - self._bar.pos(), False

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed_at is None:
            return
        goal = event.globalPosition().toPoint() - self._pressed_at
        if not self._moved and (goal - self._bar.pos()).manhattanLength() < 4:
            return
        self._moved = True
        handle = self._bar.windowHandle()
        # Wayland lets no window place itself; there the compositor moves it, which ends this drag.
        if QGuiApplication.platformName() == "wayland" and handle is not None:
            self._pressed_at = None
            handle.startSystemMove()
            return
        self._bar.move(goal)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed_at is None:
            return
        self._pressed_at = None
        if self._moved:
            self._bar.settle()
        else:
            self._bar.set_folded(not self._bar.folded)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Left: QPoint(-STEP_PX, 0),
            Qt.Key.Key_Right: QPoint(STEP_PX, 0),
            Qt.Key.Key_Up: QPoint(0, -STEP_PX),
            Qt.Key.Key_Down: QPoint(0, STEP_PX),
        }
        step = steps.get(Qt.Key(event.key()))
        if step is not None:
            self._bar.step(step)
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            self._bar.set_folded(not self._bar.folded)
        else:
            super().keyPressEvent(event)


class IconTray(QWidget):
    """The bar; shown and hidden by the command `icon_tray`, and where it was at the last end of the app.

    Args:
        kit: what every widget is handed, and the commands.
        window: the main window, to which Escape goes back; the bar ends with it.
    """

    def __init__(self, kit: Desk, window: QWidget) -> None:
        flags = Qt.WindowType.Tool | Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint
        super().__init__(None, flags)
        self._kit, self._window = kit, window
        self.setObjectName("iconTray")
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        # Qt hides the tool windows of an app that is not in front on macOS; this one is for just then.
        self.setAttribute(Qt.WidgetAttribute.WA_MacAlwaysShowToolWindow)
        window.destroyed.connect(self.deleteLater)
        a = kit.actions
        self.grip = _Grip(self)
        self.grip.setIcon(kit.theme.icon("grip-vertical", "text-muted"))
        self._inner = QWidget()
        row = QHBoxLayout(self._inner)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        self._invite = self._menu_button("iconTrayInvite", "mail")
        invite = QMenu(self._invite)
        invite.setObjectName("inviteMenu")
        invite.addActions([a.invite, a.copy_link, a.copy_number])
        opens(self._invite, invite)
        self._session = self._menu_button("iconTraySession", "app-window")
        opens(self._session, SessionMenu(a, kit.translator, self._session))
        row.addWidget(self._invite)
        row.addWidget(self._session)
        row.addWidget(self._line())
        # One place for beginning and ending the same thing: a bar beside the customer's screen has no room for both.
        for action, unless in (
            (a.ask_view, a.stop_view),
            (a.stop_view, None),
            (a.show_screen, a.stop_show),
            (a.pause_show, None),
            (a.stop_show, None),
            (a.point, None),
            (a.focus_chat, None),
            (a.focus_private, None),
            (a.send_file, None),
            (a.camera, None),
            (a.record, None),
            (a.voice, None),
            (a.mute, None),
            (a.hang_up, None),
        ):
            name = f"iconTray_{action.objectName().removeprefix('action_')}"
            only = action in (a.stop_view, a.pause_show, a.stop_show, a.focus_private)
            row.addWidget(CommandButton(name, action, words=False, usable_only=only, unless=unless))
        row.addWidget(self._line())
        self._number = label("iconTrayNumber", "strong")
        self._number.setFont(tabular(self._number.font()))
        row.addSpacing(SPACE_1)
        row.addWidget(self._number)
        row.addWidget(CommandButton("iconTray_copy_number", a.copy_number, words=False))
        row.addWidget(CommandButton("iconTray_show_window", a.show_window, words=False))
        self._close = icon_button("iconTrayClose")
        self._close.setIcon(kit.theme.icon("x", "text-muted"))
        self._close.clicked.connect(lambda: a.icon_tray.setChecked(False))
        row.addWidget(self._close)
        frame = self._frame = QFrame()
        frame.setProperty("kind", "bar")
        frame.setFixedHeight(HEIGHT)
        inside = QHBoxLayout(frame)
        inside.setContentsMargins(2, 3, SPACE_1, 3)
        inside.setSpacing(SPACE_1)
        inside.addWidget(self.grip)
        inside.addWidget(self._inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSizeConstraint(QVBoxLayout.SizeConstraint.SetFixedSize)
        outer.addWidget(frame)
        self.addActions(list(a))
        self._timer = QTimer(self, singleShot=True, interval=_SAVE_MS)
        self._timer.timeout.connect(self._save)
        a.icon_tray.toggled.connect(self._toggled)
        a.updated.connect(self._show_session)
        kit.on_words(self.retranslate)
        self._restore()

    @property
    def folded(self) -> bool:
        """Whether only the grip is to be seen."""
        return self._inner.isHidden()

    def set_folded(self, folded: bool) -> None:
        """Fold the bar to its grip, or unfold it."""
        if folded == self.folded:
            return
        self._inner.setHidden(folded)
        self.retranslate()
        for part in (self._frame, self):
            layout = part.layout()
            if layout is not None:
                layout.activate()  # the new size now, not in a later turn: it decides about the place
        self.settle()
        self.grip.setFocus(Qt.FocusReason.OtherFocusReason)

    def step(self, by: QPoint) -> None:
        """Move the bar, but not off the screen."""
        self.move(_within(QRect(self.pos() + by, self.size()), self._screen()))
        self._timer.start()

    def settle(self) -> None:
        """The bar was let go: onto the screen, to an edge that is near, and remembered."""
        self.move(snapped(QRect(self.pos(), self.size()), self._screen()))
        self._timer.start()

    def retranslate(self) -> None:
        """Take the words of the present language."""
        say = self._kit.say
        self.setWindowTitle(say("icon_tray.title"))
        self.setAccessibleName(say("icon_tray.title"))
        name_it(self.grip, say("icon_tray.unfold" if self.folded else "icon_tray.fold"))
        name_it(self._close, say("icon_tray.close"))
        self._invite.setText(f"{self._kit.actions.invite.iconText()} ▾")
        self._session.setText(say("top.session"))
        for made in (self._invite, self._session):
            made.setAccessibleName(made.text().removesuffix(" ▾"))
        self._show_session()

    def _show_session(self) -> None:
        toggle = self._kit.actions.icon_tray
        if toggle.isChecked() and self.isVisible() != toggle.isEnabled():
            self.setVisible(toggle.isEnabled())  # nobody signed in: there is nothing to do with it
        current = self._kit.actions.current
        self._invite.setEnabled(current is not None)
        number = number_in_threes(current.view.number) if current is not None else ""
        self._number.setText(number or self._kit.say("icon_tray.none"))
        self._number.setAccessibleName(self._kit.say("number.named", number=number) if number else "")

    def _toggled(self, shown: bool) -> None:
        if shown and not self._kit.actions.icon_tray.isEnabled():
            return  # it comes with the sign-in
        if shown:
            self.show()
            self.settle()
            self.raise_()
            self.activateWindow()
            self.grip.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self.hide()
        self._timer.start()

    def _restore(self) -> None:
        """Take up the remembered place; what cannot be read counts as nothing."""
        kept = self._kit.intents.settings.window
        screen = self._window.screen().availableGeometry()
        self.adjustSize()
        numbers = [part for part in kept.get(_PLACE, "").split(",") if part.lstrip("-").isdecimal()]
        if len(numbers) == 2:
            self.move(int(numbers[0]), int(numbers[1]))
        else:
            self.move(screen.center().x() - self.width() // 2, screen.top() + SPACE_2)
        if kept.get(_OPEN) == "1":
            self._kit.actions.icon_tray.setChecked(True)

    def _save(self) -> None:
        window = dict(self._kit.intents.settings.window)
        window[_PLACE] = f"{self.x()},{self.y()}"
        window[_OPEN] = "1" if self._kit.actions.icon_tray.isChecked() else "0"
        if window != self._kit.intents.settings.window:
            self._kit.work.run(self._kit.intents.change_settings(window=window), name="change_settings:icon_tray")

    def _screen(self, place: QRect | None = None) -> QRect:
        found = QGuiApplication.screenAt((place or self.geometry()).center()) or self.screen()
        return found.availableGeometry()

    def _menu_button(self, name: str, icon: str) -> QToolButton:
        made = QToolButton()
        made.setObjectName(name)
        made.setIcon(self._kit.theme.icon(icon))
        made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        made.setIconSize(WIDE_ICON)
        made.setFixedHeight(ROW)
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return made

    @staticmethod
    def _line() -> QFrame:
        made = QFrame()
        made.setProperty("kind", "divider")
        made.setFixedSize(1, ROW - SPACE_2)
        return made

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._kit.actions.show_window.trigger()
            return
        super().keyPressEvent(event)

    @override
    def closeEvent(self, event: QCloseEvent) -> None:
        """The desktop's own close (Alt+F4) hides it as its command does; that ends nothing."""
        event.ignore()
        self._kit.actions.icon_tray.setChecked(False)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        """A button or a number has come: what stands at an edge must not grow over it."""
        super().resizeEvent(event)
        if not self.isVisible():
            return
        before, now = QRect(self.pos(), event.oldSize()), QRect(self.pos(), event.size())
        screen = self._screen(before)  # grown, its middle may lie on the next one
        if before.right() >= screen.right():
            now.moveRight(screen.right())
        self.move(_within(now, screen))

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.adjustSize()
