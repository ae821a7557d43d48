"""The live view of a customer's screen: paints ready-made pixels, and never looks alive when it is not."""

import math
import time

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QGuiApplication,
    QHideEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from support_manager.events import Picture, PictureStats
from support_manager.media.mailbox import FrameMailbox, FramePicture
from ui.i18n import Translator
from ui.theme import Theme
from ui.widgets.drawing_layer import DrawingLayer
from ui.widgets.quality import Quality
from ui.widgets.screenshot import ScreenshotWriter, image_of
from ui.widgets.share_input import ShareInput
from ui.widgets.share_overlay import draw_words, state_words
from ui.widgets.share_zoom import Zoom
from ui.widgets.waker import Waker

ALIVE = (Picture.LIVE, Picture.STATIC, Picture.CONNECTING)
VEIL = 190
"""How much of the background lies over a picture that is not true any more, of 255."""


class ShareView(QWidget):
    """Shows one share. Hand it a mailbox and the session's state; everything else it does by itself.

    Args:
        translator: gives the words (area `view`).
        theme: gives the colours.
        parent: the owner.

    Signals:
        watched: whether anybody can see the view now (shown, not minimised): `set_visible` of the media engine.
        has_frame_changed: whether there is a picture to zoom and to take screenshots of.
        zoom_changed: device pixels for one pixel of the customer's screen, and whether it is fitted.
        full_screen_changed: as it says.
        screenshot_copied, screenshot_saved (path), screenshot_failed (a sentence).
    """

    watched = Signal(bool)
    has_frame_changed = Signal(bool)
    zoom_changed = Signal(float, bool)
    full_screen_changed = Signal(bool)
    screenshot_copied = Signal()
    screenshot_saved = Signal(str)
    screenshot_failed = Signal(str)

    def __init__(self, translator: Translator, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._translator = translator
        self._theme = theme
        self._mailbox: FrameMailbox | None = None
        self._waker = Waker()
        self._waker.ready.connect(self._take, Qt.ConnectionType.QueuedConnection)
        self._writer = ScreenshotWriter(self)
        self._writer.saved.connect(self.screenshot_saved)
        self._writer.failed.connect(self._say_failure)
        self._state = Picture.NONE
        self._name = ""
        self._stats: PictureStats | None = None
        self._figures = False
        self._quality = Quality()
        self._zoom = Zoom()
        self._picture: FramePicture | None = None
        self._image: QImage | None = None
        self._unreported = False
        self._last_sign = time.monotonic()
        self._input = ShareInput(self)
        self._seen = False
        self._ring = False
        self._normal_flags = self.windowFlags()
        self.drawing = DrawingLayer(translator, theme, self, self.picture_area)
        """What is drawn over the picture, and the tools for it."""
        self._tick = QTimer(self)
        self._tick.setInterval(1000)
        self._tick.timeout.connect(self._tell)

        self.setObjectName("share_view")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(320, 200)
        translator.changed.connect(self.retranslate)
        theme.changed.connect(self.update)
        self.retranslate()

    # -- what the window tells

    def set_mailbox(self, mailbox: FrameMailbox | None) -> None:
        """Show the pictures of this mailbox; None lets go of the one there is."""
        if mailbox is self._mailbox:
            return
        if self._mailbox is not None:
            self._mailbox.listen(None)
            self._mailbox.set_viewport(None)
        self._mailbox = mailbox
        self._drop()
        if mailbox is not None:
            mailbox.listen(self._waker.wake)
            self._ask()

    def set_picture(self, state: Picture) -> None:
        """What the pictures are worth."""
        if state is self._state:
            return
        self._state = state
        if state in (Picture.NONE, Picture.ASKED):
            self._drop()
        if state in ALIVE:
            self._last_sign = time.monotonic()
        if state is Picture.LOST:
            self._tick.start()
        else:
            self._tick.stop()
        self._tell()

    def set_stats(self, stats: PictureStats) -> None:
        """The figures of the last second."""
        self._stats = stats
        self._quality.take(stats)
        self._last_sign = time.monotonic() - stats.since_last_sign_s
        if self._figures or self._state is Picture.LOST:
            self.update()

    def set_customer(self, name: str) -> None:
        """Whose screen it is; plain text."""
        if name != self._name:
            self._name = name
            self.retranslate()

    def retranslate(self) -> None:
        """Take the words in the language in use."""
        say = self._translator.t
        name = say("view", "view.name", name=self._name) if self._name else say("view", "view.name.nobody")
        self.setAccessibleName(name)
        self._tell()

    # -- what the commands do

    @property
    def has_frame(self) -> bool:
        """Whether there is a picture."""
        return self._image is not None

    @property
    def can_pan(self) -> bool:
        """Whether there is a picture, and a part of it lies outside of the view."""
        return self.has_frame and self._zoom.can_pan

    @property
    def fitted(self) -> bool:
        """Whether all of the screen is shown, whatever the window's size."""
        return self._zoom.scale is None

    @Slot()
    def fit(self) -> None:
        """Show all of the screen."""
        self._zoom.fit()
        self._zoomed()

    @Slot()
    def actual_size(self) -> None:
        """One pixel of the customer's screen on one pixel of this one."""
        self._zoom.zoom_to(1.0)
        self._zoomed()

    @Slot()
    def zoom_in(self) -> None:
        """One step closer."""
        self.zoom_step(True, None)

    @Slot()
    def zoom_out(self) -> None:
        """One step back."""
        self.zoom_step(False, None)

    def zoom_step(self, up: bool, at: QPointF | None) -> None:
        """One step closer or back, about a point of the view or its middle."""
        if not self.has_frame:
            return
        ratio = self.devicePixelRatioF()
        if at is None:
            self._zoom.step(up)
        else:
            self._zoom.step(up, at.x() * ratio, at.y() * ratio)
        self._zoomed()

    def pan(self, x: float, y: float) -> None:
        """Move the picture by device-independent pixels."""
        ratio = self.devicePixelRatioF()
        self._zoom.pan(x * ratio, y * ratio)
        self._ask()
        self.update()

    @property
    def full_screen(self) -> bool:
        """Whether the view fills the whole screen now."""
        return self.isWindow() and self.isFullScreen()

    def set_full_screen(self, on: bool) -> None:
        """The view becomes a window of its own while it fills the screen; its place in the layout stays."""
        if on == self.full_screen:
            return
        if on:
            self._normal_flags = self.windowFlags()
            self.setWindowFlags(self._normal_flags | Qt.WindowType.Window)
            self.setWindowTitle(self.accessibleName())
            self.showFullScreen()
            self.activateWindow()
        else:
            self.setWindowState(self.windowState() & ~Qt.WindowState.WindowFullScreen)
            self.setWindowFlags(self._normal_flags & ~Qt.WindowType.Window)
            self.show()
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.full_screen_changed.emit(on)

    @Slot(bool)
    def show_figures(self, on: bool) -> None:
        """Show frames a second, age of the picture, rate and loss in the corner, as they were over the last minute."""
        self._figures = on
        self.update()

    @Slot()
    def copy_screenshot(self) -> None:
        """Put the customer's whole screen, in its own size, on the clipboard."""
        image = self._whole_image()
        if image is None:
            return
        QGuiApplication.clipboard().setImage(image)
        self.screenshot_copied.emit()

    def save_screenshot(self, path: str) -> None:
        """Write the customer's whole screen to a PNG file, in a thread."""
        image = self._whole_image()
        if image is not None:
            self._writer.save(image, path)

    def _whole_image(self) -> QImage | None:
        picture = self._mailbox.full() if self._mailbox is not None else None
        if picture is None:
            self.screenshot_failed.emit(self._translator.t("view", "screenshot.no_picture"))
            return None
        return image_of(picture)

    def _say_failure(self, key: str, path: str) -> None:
        folder, _, file = path.replace("\\", "/").rpartition("/")
        self.screenshot_failed.emit(self._translator.t("view", key, folder=folder, file=file))

    # -- pictures

    def _take(self) -> None:
        self._waker.arrived()
        picture = self._mailbox.take() if self._mailbox is not None else None
        if picture is None:
            return
        had = self._image is not None
        old_shape = (self._zoom.source_width, self._zoom.source_height)
        self._picture = picture
        self._image = QImage(
            memoryview(picture.data),  # type: ignore[arg-type]
            picture.width,
            picture.height,
            picture.stride,
            QImage.Format.Format_RGB32,
        )
        self._unreported = True
        self._zoom.set_source(picture.source_width, picture.source_height)
        if (picture.source_width, picture.source_height) != old_shape:
            self._ask()
            self.update()
            self.zoom_changed.emit(self._zoom.factor, self.fitted)
        else:
            # At once: a posted update would wait for whatever else the window's thread has to do.
            self.repaint(self._target().toAlignedRect())
        if not had:
            self._tell()
            self._input.show_hand()
            self.has_frame_changed.emit(True)

    def _drop(self) -> None:
        had = self._image is not None
        self._picture = self._image = None
        self._unreported = False
        self._stats = None
        self._quality.clear()
        self._zoom.source_width = self._zoom.source_height = 0
        self._input.let_go()
        self.update()
        if had:
            self.has_frame_changed.emit(False)

    def _ask(self) -> None:
        """Tell the mailbox what is looked at."""
        ratio = self.devicePixelRatioF()
        self._zoom.set_view(round(self.width() * ratio), round(self.height() * ratio))
        if self._mailbox is not None:
            self._mailbox.set_viewport(self._zoom.placement().viewport if self._seen else None)

    def picture_area(self) -> QRectF:
        """Where the whole of the customer's screen lies, in device-independent pixels; beyond the view when zoomed in.
        Empty while there is no picture."""
        if not self.has_frame:
            return QRectF()
        placed = self._zoom.placement()
        if placed.viewport.crop is None:
            return self._target()
        ratio, factor = self.devicePixelRatioF(), self._zoom.factor
        left, top = placed.viewport.crop[:2]
        return QRectF(
            (placed.x - left * factor) / ratio,
            (placed.y - top * factor) / ratio,
            self._zoom.source_width * factor / ratio,
            self._zoom.source_height * factor / ratio,
        )

    def _target(self) -> QRectF:
        """Where the picture belongs, in device-independent pixels."""
        placed = self._zoom.placement()
        ratio = self.devicePixelRatioF()
        view = placed.viewport
        return QRectF(placed.x / ratio, placed.y / ratio, view.width / ratio, view.height / ratio)

    # -- painting

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the newest picture, the border around it, and what is to be said."""
        painter = QPainter(self)
        image, picture = self._image, self._picture
        background = self._theme.color("surface")
        target = self._target() if image is not None else QRectF()
        inside = QRect(
            QPoint(math.ceil(target.left()), math.ceil(target.top())),
            QPoint(math.floor(target.right()) - 1, math.floor(target.bottom()) - 1),
        )
        if not inside.contains(event.rect()):
            painter.fillRect(event.rect(), background)
        if image is not None and picture is not None:
            self._draw(painter, image, picture)
            if self._state not in ALIVE:
                veil = QColor(background)
                veil.setAlpha(VEIL)
                painter.fillRect(target, veil)
        title, note = self._words()
        if title:
            draw_words(painter, self.rect(), self._theme, title, note)
        if self._figures and self._stats is not None and self._state in ALIVE:
            self._quality.draw(painter, self.rect(), self._theme, self._translator)
        if self._ring:
            painter.setPen(QPen(self._theme.color("accent"), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        painter.end()
        if self._unreported and picture is not None and self._mailbox is not None:
            self._unreported = False
            self._mailbox.painted(picture)

    def _draw(self, painter: QPainter, image: QImage, picture: FramePicture) -> None:
        """Pixel for pixel; stretched only for the moment until the picture of a new size arrives."""
        placed = self._zoom.placement()
        if picture.viewport != placed.viewport:
            painter.drawImage(self._old_target(picture), image, QRectF(image.rect()))
            return
        # In device pixels: a ratio set on the image itself would copy all of its pixels first.
        ratio = self.devicePixelRatioF()
        painter.save()
        painter.scale(1 / ratio, 1 / ratio)
        painter.drawImage(QPoint(placed.x, placed.y), image)
        painter.restore()

    def _old_target(self, picture: FramePicture) -> QRectF:
        """Where a picture made for another viewport lies in the present one."""
        ratio = self.devicePixelRatioF()
        placed = self._zoom.placement()
        now_x, now_y = placed.viewport.crop[:2] if placed.viewport.crop else (0, 0)
        crop = picture.viewport.crop if picture.viewport is not None else None
        x, y, width, height = crop or (0, 0, picture.source_width, picture.source_height)
        factor = self._zoom.factor / ratio
        return QRectF(
            placed.x / ratio + (x - now_x) * factor,
            placed.y / ratio + (y - now_y) * factor,
            width * factor,
            height * factor,
        )

    def _words(self) -> tuple[str, str]:
        """What to say over the picture: the state, and a second line."""
        silent_s = time.monotonic() - self._last_sign
        return state_words(self._translator, self._state, self._name, has_frame=self.has_frame, silent_s=silent_s)

    def _tell(self) -> None:
        """Show the words, and give them to screen readers."""
        words = " ".join(part for part in self._words() if part)
        if words != self.accessibleDescription():
            self.setAccessibleDescription(words)
        self.update()

    # -- what the person does

    def _zoomed(self) -> None:
        self._ask()
        self._input.show_hand()
        self.update()
        self.zoom_changed.emit(self._zoom.factor, self.fitted)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom or move the picture; else the event is for somebody else."""
        event.setAccepted(self._input.wheel(event))

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the picture."""
        if not self._input.press(event):
            super().mousePressEvent(event)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the picture."""
        if not self._input.move(event):
            super().mouseMoveEvent(event)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go of the picture."""
        self._input.let_go()
        super().mouseReleaseEvent(event)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Full screen and back."""
        self._input.double_click(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys of the view's own. Inside a window the commands' shortcuts come first."""
        if not self.drawing.key(event) and not self._input.key(event):
            super().keyPressEvent(event)

    # -- what the window system does

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Ask for pictures of the new size."""
        self._ask()
        self.drawing.setGeometry(self.rect())
        self._input.show_hand()
        super().resizeEvent(event)

    @override
    def showEvent(self, event: QShowEvent) -> None:
        """Somebody looks."""
        super().showEvent(event)
        self._look()

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks: no picture is converted any more."""
        super().hideEvent(event)
        self._look(gone=True)

    def _look(self, gone: bool = False) -> None:
        seen = not gone and self.isVisible() and not self.window().isMinimized()
        if seen != self._seen:
            self._seen = seen
            self.watched.emit(seen)
        self._ask()

    @override
    def event(self, event: QEvent) -> bool:
        """Follow the window to a screen of another resolution."""
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._ask()
        return super().event(event)

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show a ring to those who move by keyboard."""
        self._ring = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        super().focusInEvent(event)
        self.update()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring away."""
        self._ring = False
        super().focusOutEvent(event)
        self.update()

    @override
    def sizeHint(self) -> QSize:
        """Room for a screen of usual shape."""
        return QSize(960, 540)
