"""Carries out the commands about the picture of the chosen tab: zoom, full screen, screenshots."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QStandardPaths, Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from ui.panels.session import SessionPanel
from ui.widgets.kit import Desk
from ui.work import Tone


class ViewCommands(QObject):
    """Connects the actions whose effect is in the share view.

    Args:
        kit: what every widget is handed, and the actions.
        window: the parent of dialogs, and the owner.
        panel: gives the chosen tab's panel, None while there is none.
        after: called when full screen was switched: what can be used may have changed.
    """

    def __init__(
        self, kit: Desk, window: QWidget, panel: Callable[[], SessionPanel | None], after: Callable[[], None]
    ) -> None:
        super().__init__(window)
        self._kit, self._window, self._panel, self._after = kit, window, panel, after
        actions = kit.actions
        actions.view_fit.triggered.connect(lambda: self._on_view("fit"))
        actions.view_actual.triggered.connect(lambda: self._on_view("actual_size"))
        actions.zoom_in.triggered.connect(lambda: self._on_view("zoom_in"))
        actions.zoom_out.triggered.connect(lambda: self._on_view("zoom_out"))
        actions.screenshot.triggered.connect(lambda: self._on_view("copy_screenshot"))
        actions.save_screenshot.triggered.connect(self._save_screenshot)
        actions.full_screen.toggled.connect(self._set_full_screen)

    def take_up(self, panel: SessionPanel) -> None:
        """Have the commands work in a new panel's view, also while that is a window of its own."""
        share = panel.share
        share.addActions(list(self._kit.actions))
        share.full_screen_changed.connect(self._kit.actions.full_screen.setChecked)
        share.screenshot_copied.connect(lambda: self._tell("screenshot.copied"))
        share.screenshot_saved.connect(lambda path: self._tell("screenshot.saved", file=path))
        share.screenshot_failed.connect(lambda words: self._kit.work.tell(words, Tone.ERROR))

    def _on_view(self, slot: str) -> None:
        panel = self._panel()
        if panel is not None:
            getattr(panel.share, slot)()

    def _set_full_screen(self, on: bool) -> None:
        panel = self._panel()
        if panel is not None:
            panel.share.set_full_screen(on)
        self._after()

    def _save_screenshot(self) -> None:
        panel = self._panel()
        if panel is None:
            return
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
        dialog = QFileDialog(self._window, self._kit.actions.save_screenshot.iconText(), folder, "PNG (*.png)")
        dialog.setObjectName("screenshotDialog")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("png")
        dialog.selectFile(f"{panel.number}.png")
        dialog.fileSelected.connect(panel.share.save_screenshot)
        dialog.open()

    def _tell(self, key: str, **places: object) -> None:
        self._kit.work.tell(self._kit.translator.t("view", key, **places), Tone.GOOD)
