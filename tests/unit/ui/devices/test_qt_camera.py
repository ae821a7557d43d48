"""Qt's pictures on their way to the encoder: the layouts that are copied as they are, and all the others."""

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QImage
from PySide6.QtMultimedia import QVideoFrame, QVideoFrameFormat

from support_manager.media.own_camera import picture_of
from ui.devices.qt_camera import _FORMATS, frame_of


@pytest.mark.parametrize("name", sorted(_FORMATS))
def test_every_layout_reaches_the_encoder_whole(qapp: object, name: str) -> None:
    pixel_format = getattr(QVideoFrameFormat.PixelFormat, name)
    frame = QVideoFrame(QVideoFrameFormat(QSize(64, 32), pixel_format))
    taken = frame_of(frame, 5.0)
    if taken is None:
        pytest.skip("Qt itself allocates no such picture")
    picture = picture_of(taken)
    assert (picture.width, picture.height, taken.captured_ms) == (64, 32, 5.0)
    assert taken.format == _FORMATS[name]


def test_what_is_in_no_list_goes_through_an_image(qapp: object) -> None:
    image = QImage(40, 20, QImage.Format.Format_RGB888)
    image.fill(QColor(10, 200, 30))
    frame = QVideoFrame(image)
    taken = frame_of(frame, 1.0)
    assert taken is not None
    rgb = picture_of(taken).reformat(format="rgb24")
    row = bytes(rgb.planes[0])[:3]
    assert all(abs(found - wanted) <= 2 for found, wanted in zip(row, (10, 200, 30), strict=True))


def test_nothing_is_nothing(qapp: object) -> None:
    assert frame_of(QVideoFrame(), 1.0) is None
