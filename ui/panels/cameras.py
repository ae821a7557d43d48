"""The cameras of one session: a row of small tiles above the chat, and one of them large over the middle."""

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QWidget
from typing_extensions import override

from support_manager.events import CameraView
from ui.models.sessions import SessionEntry
from ui.widgets.camera_tile import NAME_PX, SMALL, CameraTile
from ui.widgets.kit import SPACE_1, SPACE_2, SPACE_3, Desk

_IN_A_ROW = 2
_LARGEST = QSize(640, 360)


class CameraStrip(QFrame):
    """Two tiles in a row; its height follows the number of rows and nothing else.

    Args:
        kit: what every widget is handed.
        session_id: of the session.

    Signals:
        enlarged: whose camera is to be large; empty for nobody's.
    """

    enlarged = Signal(str)

    def __init__(self, kit: Desk, session_id: str) -> None:
        super().__init__()
        self._kit = kit
        self._session_id = session_id
        self._tiles: dict[str, CameraTile] = {}
        self._large = ""
        self.setObjectName("cameraStrip")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(SPACE_2, SPACE_1, SPACE_2, SPACE_2)
        self._grid.setHorizontalSpacing(SPACE_2)
        self._grid.setVerticalSpacing(SPACE_1)
        self._grid.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.hide()
        kit.on_words(self.retranslate)

    @property
    def tiles(self) -> dict[str, CameraTile]:
        """The tiles by whose camera they show."""
        return self._tiles

    def take(self, entry: SessionEntry) -> None:
        """Show the cameras as they are now."""
        cameras = entry.snapshot.cameras if entry.ended is None and not entry.taken else ()
        wanted = [each.owner for each in cameras]
        if wanted != list(self._tiles):
            self._arrange(wanted)
        for camera in cameras:
            # One mailbox has one viewport: while it is large it is the large tile's.
            large = camera.owner == self._large
            mailbox = None if large else self._kit.intents.camera_mailbox(self._session_id, camera.owner)
            self._tiles[camera.owner].take(camera, mailbox, may_stop=may_stop(entry, camera), is_large=large)
        if self._large and self._large not in wanted:
            self.enlarge("")

    def _arrange(self, wanted: list[str]) -> None:
        for owner in [owner for owner in self._tiles if owner not in wanted]:
            gone = self._tiles.pop(owner)
            gone.let_go()
            self._grid.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
        tiles = {owner: self._tiles.get(owner) or self._make(owner) for owner in wanted}
        for at, tile in enumerate(tiles.values()):
            self._grid.addWidget(tile, at // _IN_A_ROW, at % _IN_A_ROW)
        self._tiles = tiles
        rows = -(-len(wanted) // _IN_A_ROW)
        self.setFixedHeight(rows * (SMALL.height() + NAME_PX + SPACE_1) + SPACE_3 if rows else 0)
        self.setVisible(rows > 0)

    def _make(self, owner: str) -> CameraTile:
        tile = CameraTile(self._kit, owner)
        tile.clicked.connect(lambda: self.enlarge("" if self._large == owner else owner))
        tile.stop_wanted.connect(lambda: stop(self._kit, self._session_id, owner))
        return tile

    def enlarge(self, owner: str) -> None:
        """Have one camera shown large; empty: none."""
        if owner != self._large:
            self._large = owner
            self.enlarged.emit(owner)

    def retranslate(self) -> None:
        """Take the words of the present language."""
        self.setAccessibleName(self._kit.translator.t("camera", "camera.strip"))


class LargeCamera(QObject):
    """One camera large in the corner over the session's middle, so that nothing else moves; click or Escape ends it.

    Args:
        kit: what every widget is handed.
        strip: the row of small tiles.
        over: above which widget it lies.
        session_id: of the session.
    """

    def __init__(self, kit: Desk, strip: CameraStrip, over: QWidget, session_id: str) -> None:
        super().__init__(over)
        self._kit, self._strip, self._over, self._session_id = kit, strip, over, session_id
        self._tile: CameraTile | None = None
        self._entry: SessionEntry | None = None
        strip.enlarged.connect(self._show)
        over.installEventFilter(self)

    def take(self, entry: SessionEntry) -> None:
        """Show the camera as it is now."""
        self._entry = entry
        tile = self._tile
        if tile is None:
            return
        for camera in entry.snapshot.cameras:
            if camera.owner == tile.owner:
                mailbox = self._kit.intents.camera_mailbox(self._session_id, camera.owner)
                tile.take(camera, mailbox, may_stop=may_stop(entry, camera))

    def _show(self, owner: str) -> None:
        entry, former = self._entry, self._tile
        self._tile = None
        had_focus = False
        if former is not None:
            had_focus = former.hasFocus()
            former.let_go()
            former.hide()
            former.deleteLater()
        if entry is not None:
            self._strip.take(entry)  # the small tile hands its mailbox over, or takes it back
        if owner and entry is not None:
            tile = self._tile = CameraTile(self._kit, owner, self._size(), self._over)
            tile.setObjectName("cameraLarge")
            tile.clicked.connect(lambda: self._strip.enlarge(""))
            tile.stop_wanted.connect(lambda: stop(self._kit, self._session_id, owner))
            tile.installEventFilter(self)
            self.take(entry)
            self._put()
            tile.show()
            tile.raise_()
            tile.setFocus()
        elif had_focus and former is not None and former.owner in self._strip.tiles:
            self._strip.tiles[former.owner].setFocus()

    def _size(self) -> QSize:
        room = self._over.size() - QSize(2 * SPACE_3, 2 * SPACE_3 + NAME_PX)
        return QSize(16, 9).scaled(_LARGEST.boundedTo(room), Qt.AspectRatioMode.KeepAspectRatio)

    def _put(self) -> None:
        tile = self._tile
        if tile is not None:
            tile.move(max(0, self._over.width() - tile.width() - SPACE_3), SPACE_3)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._over and event.type() == QEvent.Type.Resize:
            self._put()
        elif watched is self._tile and _is_escape(event):
            self._strip.enlarge("")
            return True
        return super().eventFilter(watched, event)


def _is_escape(event: QEvent) -> bool:
    return event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape


def may_stop(entry: SessionEntry, camera: CameraView) -> bool:
    """Whether this rep may stop that camera: his own, and as the controller everybody's."""
    return camera.mine or entry.snapshot.has_control


def stop(kit: Desk, session_id: str, owner: str) -> None:
    """Stop a camera, or take the question for it back."""
    kit.work.run(kit.intents.stop_camera(session_id, owner), name=f"stop_camera {session_id} {owner}")
