"""The Session menu and its sub-menus: one builder for window, tray, icon tray and dashboard (B-13.4)."""

from collections.abc import Callable, Sequence

import shiboken6
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from ui.actions import PRESENCES, Actions
from ui.i18n import Translator


class ControlMenu(QMenu):
    """Transfer Control ▸: the assistants of the current session, or that there is none (B-9.1).

    The sub-menu's own entry is another face of the command `transfer_control`: same name, icon and enabled state. Its
    entries are those of `Actions.control_targets`.

    Args:
        actions: the commands.
        parent: the owner.
    """

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self.setObjectName("controlMenu")
        face_of(self, actions.transfer_control)
        actions.updated.connect(self._fill)
        self._fill()

    def _fill(self) -> None:
        wanted = self._actions.control_targets
        if self.actions() != wanted:
            self.clear()
            self.addActions(wanted)


class PresenceMenu(QMenu):
    """Online, Away, Busy: what an agent may choose (B-11.3).

    Args:
        actions: the commands.
        translator: gives the name.
        parent: the owner.
    """

    def __init__(self, actions: Actions, translator: Translator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions, self._translator = actions, translator
        self.setObjectName("presenceMenu")
        self.addActions([actions.presence(presence) for presence in PRESENCES])
        actions.updated.connect(self._show_state)
        translator.changed.connect(self._show_state)
        self._show_state()

    def _show_state(self) -> None:
        own = self.menuAction()
        own.setText(self._translator.t("app", "presence.menu"))
        own.setVisible(self._actions.presence_online.isVisible())


class PictureMenu(QMenu):
    """Looking at the shared picture: sizes, full screen, screenshots.

    Args:
        actions: the commands.
        translator: gives the name.
        parent: the owner.
    """

    def __init__(self, actions: Actions, translator: Translator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._translator = translator
        self.setObjectName("pictureMenu")
        self.menuAction().setIcon(actions.full_screen.icon())
        sizes = (actions.view_fit, actions.view_actual, actions.zoom_in, actions.zoom_out, actions.full_screen)
        _add_groups(self, (sizes, (actions.screenshot, actions.save_screenshot)))
        translator.changed.connect(self._name)
        self._name()

    def _name(self) -> None:
        self.menuAction().setText(self._translator.t("app", "menu.picture"))


class ShowMenu(QMenu):
    """Showing the rep's own screen (B-7.2): choosing what, holding it, ending it.

    Args:
        actions: the commands.
        translator: gives the name.
        parent: the owner.
    """

    def __init__(self, actions: Actions, translator: Translator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._translator = translator
        self.setObjectName("showMenu")
        self.menuAction().setIcon(actions.show_screen.icon())
        self.addActions([actions.show_screen, actions.pause_show, actions.stop_show])
        translator.changed.connect(self._name)
        self._name()

    def _name(self) -> None:
        self.menuAction().setText(self._translator.t("show", "menu"))


class CameraMenu(QMenu):
    """Cameras: our own, and the question for the customer's (B-7.6).

    Args:
        actions: the commands.
        translator: gives the name.
        parent: the owner.
    """

    def __init__(self, actions: Actions, translator: Translator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._translator = translator
        self.setObjectName("cameraMenu")
        self.menuAction().setIcon(actions.camera.icon())
        self.addActions([actions.camera, actions.ask_camera])
        translator.changed.connect(self._name)
        self._name()

    def _name(self) -> None:
        self.menuAction().setText(self._translator.t("camera", "camera.menu"))


class CallMenu(QMenu):
    """Talking (B-7.7): ask or join, hang up, mute, end.

    Args:
        actions: the commands.
        translator: gives the name.
        parent: the owner.
    """

    def __init__(self, actions: Actions, translator: Translator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._translator = translator
        self.setObjectName("callMenu")
        self.menuAction().setIcon(actions.voice.icon())
        self.addActions([actions.voice, actions.mute, actions.hang_up, actions.end_call])
        translator.changed.connect(self._name)
        self._name()

    def _name(self) -> None:
        self.menuAction().setText(self._translator.t("voice", "menu"))


class SessionMenu(QMenu):
    """The commands about the current session.

    Args:
        actions: the commands.
        translator: gives the names of the sub-menus.
        parent: the owner.
        picture: whether there is a picture beside it that the commands of `PictureMenu` are about.
        assist: whether Assist Session… stands in it too, because it has no place of its own.
    """

    def __init__(
        self,
        actions: Actions,
        translator: Translator,
        parent: QWidget | None = None,
        *,
        picture: bool = True,
        assist: bool = True,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("sessionMenu")
        self.control = ControlMenu(actions, self)
        a = actions
        looking = (a.ask_view, a.stop_view, a.point, a.clear_drawing)
        _add_groups(self, (looking, (a.record, a.send_file)))
        self.addMenu(CameraMenu(actions, translator, self))
        if picture:
            self.addMenu(PictureMenu(actions, translator, self))
        self.addMenu(ShowMenu(actions, translator, self))
        self.addMenu(CallMenu(actions, translator, self))
        self.addSeparator()
        _add_groups(self, ((a.copy_number, a.copy_link, a.invite),))
        self.addSeparator()
        self.addMenu(self.control)
        passing = (a.transfer_session, a.ask_control, a.take_control, a.lock_session)
        _add_groups(self, (passing, (a.notes, a.detach_tab), (a.leave_session, a.end_session)))
        if assist:
            self.addSeparator()
            self.addAction(a.assist)


def face_of(menu: QMenu, action: QAction) -> None:
    """Have a sub-menu's own entry look as `action` does, now and whenever that changes."""

    def show() -> None:
        own = menu.menuAction()
        own.setText(action.text())
        own.setIcon(action.icon())
        own.setEnabled(action.isEnabled())
        own.setVisible(action.isVisible())

    action.changed.connect(show)
    menu.destroyed.connect(lambda: _release(action, show))
    show()


def _release(action: QAction, show: Callable[[], None]) -> None:
    if shiboken6.isValid(action):
        action.changed.disconnect(show)


def _add_groups(menu: QMenu, groups: Sequence[Sequence[QAction]]) -> None:
    for at, group in enumerate(groups):
        if at:
            menu.addSeparator()
        menu.addActions(list(group))
