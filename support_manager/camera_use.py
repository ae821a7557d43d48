"""This app's own camera: opened for the first session that shows it, shared by all, let go of with the last."""

import asyncio
from collections.abc import Callable

import structlog

from support_manager.errors import AppCode, LocalProblem
from support_manager.media.camera import CameraDevice, CameraFrame, CameraPort, CameraSession, CameraSlot, CameraTrouble

log = structlog.get_logger(__name__)

FIRST_PICTURE_S = 8.0
"""A camera that gives no picture for so long after it was opened is not going to."""
_CODES = {
    CameraTrouble.NONE_FOUND: AppCode.CAMERA_NONE,
    CameraTrouble.BUSY: AppCode.CAMERA_BUSY,
    CameraTrouble.DENIED: AppCode.CAMERA_DENIED,
    CameraTrouble.GONE: AppCode.CAMERA_GONE,
}


def code_of(trouble: CameraTrouble) -> AppCode:
    """The code under which a person is told."""
    return _CODES[trouble]


class CameraUse:
    """The one camera that this app has in use, if any.

    Args:
        chosen: gives the id of the camera that the rep chose; empty for the system's own choice.
    """

    def __init__(self, chosen: Callable[[], str]) -> None:
        self._chosen = chosen
        self._port: CameraPort | None = None
        self._session: CameraSession | None = None
        self._slot: CameraSlot | None = None
        self._users: dict[str, Callable[[CameraTrouble], None]] = {}
        self._first: asyncio.Future[CameraTrouble | None] | None = None

    def use(self, port: CameraPort) -> None:
        """Take the cameras of this port from now on; what is in use is let go of."""
        self._close()
        self._users.clear()
        self._port = port

    async def devices(self) -> tuple[CameraDevice, ...]:
        """The cameras there are, the system's own choice first."""
        return () if self._port is None else await self._port.devices()

    def is_used_by(self, user: str) -> bool:
        """Whether that session shows it."""
        return user in self._users

    async def begin(self, user: str, slot: CameraSlot, on_trouble: Callable[[CameraTrouble], None]) -> None:
        """Have that session show it; returns once there are pictures.

        Args:
            user: the session.
            slot: where the pictures go.
            on_trouble: called when pictures stop coming; the session does not show it any more then.

        Raises:
            LocalProblem: why there are none.
        """
        if self._port is None:
            raise LocalProblem(AppCode.CAMERA_NONE)
        self._slot = slot
        if self._session is None:
            self._open(self._port)
        first = self._first
        if first is not None:
            try:
                async with asyncio.timeout(FIRST_PICTURE_S):
                    trouble = await asyncio.shield(first)
            except TimeoutError:
                trouble = CameraTrouble.BUSY
            if trouble is not None:
                if self._first is first:
                    self._close()
                raise LocalProblem(code_of(trouble))
        if self._session is None:
            raise LocalProblem(AppCode.CAMERA_BUSY)  # it was let go of meanwhile
        self._users[user] = on_trouble

    def end(self, user: str) -> None:
        """That session does not show it any more; with the last one it goes out at once."""
        self._users.pop(user, None)
        waited_for = self._first is not None and not self._first.done()
        if not self._users and not waited_for:
            self._close()

    def move(self, slot: CameraSlot) -> None:
        """Another media engine takes the pictures from now on."""
        self._slot = slot

    def choice_changed(self) -> None:
        """Another camera was chosen in the preferences: whoever shows one shows that one."""
        if self._session is not None and self._port is not None and self._users:
            self._close()
            self._open(self._port)

    def _open(self, port: CameraPort) -> None:
        loop = asyncio.get_running_loop()
        first: asyncio.Future[CameraTrouble | None] = loop.create_future()
        self._first = first

        def came() -> None:
            if not first.done():
                first.set_result(None)

        def on_frame(frame: CameraFrame) -> None:  # on any thread
            slot = self._slot
            if slot is not None:
                slot.put(frame)
            if not first.done():
                try:
                    loop.call_soon_threadsafe(came)
                except RuntimeError:
                    log.debug("a picture came after the end")

        def on_trouble(trouble: CameraTrouble) -> None:
            if self._first is not first:
                return
            if not first.done():
                first.set_result(trouble)
            self._fail(trouble)

        self._session = port.open(self._chosen(), on_frame, on_trouble)

    def _fail(self, trouble: CameraTrouble) -> None:
        users, self._users = self._users, {}
        self._close()
        for told in users.values():
            told(trouble)

    def _close(self) -> None:
        session, self._session = self._session, None
        self._first = None
        if session is not None:
            session.close()
        if self._slot is not None:
            self._slot.clear()

    def close(self) -> None:
        """Let go of it, for good."""
        self._users.clear()
        self._close()
