"""A webcam for Chromium that shows a number in large blocks: a file of one picture, played again and again."""

from fractions import Fraction
from pathlib import Path

import av

from tests.harness import timecode

WIDTH, HEIGHT = 640, 360
TILE_PNG = """(selector) => {
    const video = document.querySelector(selector);
    if (!video?.videoWidth) return null;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext('2d').drawImage(video, 0, 0);
    return canvas.toDataURL('image/png').split(',')[1];
}"""
"""What a tile of the page shows just now, as a PNG in base 64; null before its first picture."""


def webcam_flags(file: Path, number: int) -> list[str]:
    """The words that give Chromium this webcam; `file` is written.

    `--use-fake-ui-for-media-stream` is not among them: with it `getDisplayMedia` fails. Permission is granted over the
    DevTools protocol.
    """
    pixels, width, height = timecode.draw(number)
    code = av.VideoFrame(width, height, "bgra")
    code.planes[0].update(pixels)
    picture = av.VideoFrame(WIDTH, HEIGHT, "bgra")
    line = picture.planes[0].line_size
    canvas = bytearray(b"\x60\x50\x40\xff" * (line // 4) * HEIGHT)
    left, top = (WIDTH - width) // 2, (HEIGHT - height) // 2
    for row in range(height):
        at = (top + row) * line + left * 4
        canvas[at : at + width * 4] = pixels[row * width * 4 : (row + 1) * width * 4]
    picture.planes[0].update(bytes(canvas))
    return film_flags(file, picture)


def film_flags(file: Path, picture: av.VideoFrame) -> list[str]:
    """The same for a webcam that shows this picture, `WIDTH` by `HEIGHT`."""
    codec = av.VideoCodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
    codec.time_base = Fraction(1, 20)
    codec.options = {"q": "2"}
    data = b"".join(
        bytes(packet) for packet in (*codec.encode(picture.reformat(format="yuvj420p")), *codec.encode(None))
    )
    file.write_bytes(data * 20)
    return ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={file}"]
