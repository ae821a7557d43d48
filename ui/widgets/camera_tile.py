"""The live picture of one camera in a fixed size with its owner's name under it; a click enlarges it."""

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QEnterEvent,
    QFont,
    QHideEvent,
    QImage,
    QKeyEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget
from typing_extensions import override

from support_manager.events import CameraState, CameraView
from support_manager.media.mailbox import FrameMailbox, Viewport
from ui.focus_ring import RING
from ui.widgets.kit import SPACE_1, Kit, icon_button, name_it
from ui.widgets.plain import isolated, one_line
from ui.widgets.waker import Waker

SMALL = QSize(128, 72)
"""Of the picture in the row of tiles, in px."""
NAME_PX = 18
"""Of the line with the name under it."""
_DIM = 0.2
"""How much of a picture that is not true any more still shows."""
_RADIUS = 6.0


class CameraTile(QAbstractButton):
    """Shows one camera. Hand it a mailbox and the camera's state; everything else it does by itself.

    Args:
        kit: what every widget is handed.
        owner: the participant's id.
        picture: size of the picture, in px.

    Signals:
        stop_wanted: the rep wants this camera stopped, or the question for it taken back.
    """

    stop_wanted = Signal()

    def __init__(self, kit: Kit, owner: str, picture: QSize = SMALL, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kit = kit
        self.owner = owner
        self._size = picture
        self._view: CameraView | None = None
        self._may_stop = False
        self._is_large = False
        self._mailbox: FrameMailbox | None = None
        self._image: QImage | None = None
        self._source = QSize()
        self._waker = Waker()
        self._waker.ready.connect(self._take, Qt.ConnectionType.QueuedConnection)
        self.setObjectName("cameraTile")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFixedSize(picture.width(), picture.height() + NAME_PX)
        self._stop = icon_button("cameraTileStop")
        self._stop.setParent(self)
        self._stop.setIcon(kit.theme.icon("video-off", "danger"))
        self._stop.setAutoRaise(False)
        self._stop.clicked.connect(self.stop_wanted)
        self._stop.move(picture.width() - self._stop.width() - SPACE_1, SPACE_1)
        self._stop.hide()
        kit.theme.changed.connect(self.update)
        kit.on_words(self.retranslate)

    def take(self, view: CameraView, mailbox: FrameMailbox | None, *, may_stop: bool, is_large: bool = False) -> None:
        """Show the camera as it is now.

        Args:
            view: whose it is and what its picture is worth.
            mailbox: where its pictures come.
            may_stop: whether the rep may stop it.
            is_large: whether its pictures are shown large elsewhere just now.
        """
        changed = (view, may_stop, is_large) != (self._view, self._may_stop, self._is_large)
        self._view, self._may_stop, self._is_large = view, may_stop, is_large
        if mailbox is not self._mailbox:
            self._let_go()
            self._mailbox = mailbox
            if mailbox is not None:
                mailbox.listen(self._waker.wake)
                self._ask()
        if changed:
            self._show_stop()
            self.retranslate()
            self.update()

    def let_go(self) -> None:
        """Look at no mailbox any more."""
        self._let_go()
        self._mailbox = None

    def _let_go(self) -> None:
        self._image = None
        if self._mailbox is not None:
            self._mailbox.listen(None)
            self._mailbox.set_viewport(None)

    def retranslate(self) -> None:
        """Take the words of the present language."""
        view = self._view
        if view is None:
            return
        t = self._kit.translator.t
        name = isolated(view.name)
        said = self._words()
        self.setAccessibleName(t("camera", "camera.tile.mine") if view.mine else t("camera", "camera.tile", name=name))
        self.setAccessibleDescription(said)
        self.setToolTip(said)
        if view.state is CameraState.ASKED:
            words = t("camera", "camera.take_back")
        else:
            words = t("camera", "camera.stop_mine") if view.mine else t("camera", "camera.stop", name=name)
        name_it(self._stop, words)
        self.update()

    def _words(self) -> str:
        view = self._view
        if view is None or (view.state is CameraState.LIVE and not self._is_large):
            return ""
        if self._is_large:
            return self._kit.translator.t("camera", "camera.large")
        return self._kit.translator.t("camera", f"camera.{view.state.value}")

    # -- pictures

    def _ask(self) -> None:
        """Ask for the part of the picture that fills the tile, in device pixels."""
        if self._mailbox is None or not self.isVisible():
            return
        ratio = self.devicePixelRatioF()
        width, height = round(self._size.width() * ratio), round(self._size.height() * ratio)
        self._mailbox.set_viewport(Viewport(width, height, filling(self._source, width, height)))

    def _take(self) -> None:
        self._waker.arrived()
        picture = self._mailbox.take() if self._mailbox is not None else None
        if picture is None:
            return
        image = QImage(
            memoryview(picture.data),  # type: ignore[arg-type]
            picture.width,
            picture.height,
            picture.stride,
            QImage.Format.Format_RGB32,
        )
        image.setDevicePixelRatio(self.devicePixelRatioF())
        source = QSize(picture.source_width, picture.source_height)
        self._image = image
        if source != self._source:
            self._source = source
            self._ask()
        self.update(QRect(0, 0, self._size.width(), self._size.height()))
        if self._mailbox is not None:
            self._mailbox.painted(picture)

    # -- Qt

    @override
    def sizeHint(self) -> QSize:
        return self.size()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        view = self._view
        if view is None:
            return
        theme = self._kit.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        place = QRectF(0, 0, self._size.width(), self._size.height())
        edge = place.adjusted(1, 1, -1, -1)
        shape = QPainterPath()
        shape.addRoundedRect(edge, _RADIUS, _RADIUS)
        painter.save()
        painter.setClipPath(shape)
        painter.fillRect(place, theme.color("surface"))
        if self._image is not None:
            if view.state is not CameraState.LIVE:
                painter.setOpacity(_DIM)
            if view.mine:  # as in a mirror, which is how people know themselves
                painter.translate(place.width(), 0)
                painter.scale(-1, 1)
            painter.drawImage(place, self._image, QRectF(self._image.rect()))
        painter.restore()
        self._draw_words(painter, edge)
        if self._stop.isVisible():  # its icon stands out from whatever the picture shows
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("surface-raised"))
            painter.drawRoundedRect(QRectF(self._stop.geometry()), _RADIUS, _RADIUS)
        ringed = self.hasFocus() and self.property(RING)
        colour = "accent" if ringed or self.underMouse() else "live" if view.mine else "line"
        painter.setPen(QPen(theme.color(colour), 2 if ringed or view.mine else 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(shape)
        self._draw_name(painter, view)

    def _draw_words(self, painter: QPainter, place: QRectF) -> None:
        words = self._words()
        if not words:
            return
        font = QFont(self.font())
        font.setPixelSize(self._kit.theme.size("secondary"))
        painter.setFont(font)
        painter.setPen(self._kit.theme.color("text"))
        painter.drawText(
            place.adjusted(6, 4, -6, -4), int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), words
        )

    def _draw_name(self, painter: QPainter, view: CameraView) -> None:
        theme = self._kit.theme
        font = QFont(self.font())
        font.setPixelSize(theme.size("secondary"))
        painter.setFont(font)
        painter.setPen(theme.color("text-muted"))
        name = self._kit.translator.t("camera", "camera.you") if view.mine else one_line(view.name, 60)
        room = QRect(0, self._size.height(), self.width(), NAME_PX)
        words = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignCenter), words)

    def _show_stop(self) -> None:
        near = self.underMouse() or self.hasFocus() or self._stop.hasFocus()
        asked = self._view is not None and self._view.state is CameraState.ASKED
        self._stop.setIcon(self._kit.theme.icon("x" if asked else "video-off", "text" if asked else "danger"))
        self._stop.setVisible(self._may_stop and (near or asked))

    @override
    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._show_stop()
        self.update()

    @override
    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._show_stop()
        self.update()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        elif event.key() == Qt.Key.Key_Delete and self._may_stop:
            self.stop_wanted.emit()
        else:
            super().keyPressEvent(event)

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._ask()

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self._mailbox is not None:
            self._mailbox.set_viewport(None)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._ask()


def filling(source: QSize, width: int, height: int) -> tuple[int, int, int, int] | None:
    """The part of a picture that fills a place of that shape without any edge, as `Viewport.crop` wants it."""
    if source.isEmpty() or source.width() * height == source.height() * width:
        return None
    taken = QSize(width, height).scaled(source, Qt.AspectRatioMode.KeepAspectRatio)
    return (
        (source.width() - taken.width()) // 2,
        (source.height() - taken.height()) // 2,
        max(1, taken.width()),
        max(1, taken.height()),
    )
