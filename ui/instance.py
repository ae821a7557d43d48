"""One running app per profile: a later start hands its link to the first one, which comes to the front."""

import hashlib
import json
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

WAIT_MS = 2_000
_MESSAGE_BYTES = 4_096


class OneInstance(QObject):
    """Claims a profile folder, or hands over to the app that already has it.

    The lock file decides, not the socket: a socket may be left behind by a crash, while `QLockFile` knows whether
    the process that wrote it still lives.

    Args:
        profile: the profile folder; it is made when missing.
        parent: the owner.

    Signals:
        called: a later start asks to come to the front; the argument is its link or an empty text.
    """

    called = Signal(str)

    def __init__(self, profile: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        profile.mkdir(parents=True, exist_ok=True)
        self._lock = QLockFile(str(profile / "app.lock"))
        self._lock.setStaleLockTime(0)
        digest = hashlib.sha256(str(profile.resolve()).encode()).hexdigest()[:20]
        self._name = f"support-manager-{digest}"
        self._server: QLocalServer | None = None

    def claim(self) -> bool:
        """Try to be the first; whether it worked."""
        if not self._lock.tryLock(0):
            return False
        QLocalServer.removeServer(self._name)  # left behind by a crash: the lock says that nobody listens there
        server = QLocalServer(self)
        server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        server.newConnection.connect(self._on_connection)
        if server.listen(self._name):
            self._server = server
        return True

    def hand_over(self, link: str) -> bool:
        """Give `link` (or an empty text) to the running app; whether it took it within `WAIT_MS`."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(WAIT_MS):
            return False
        socket.write(json.dumps({"link": link[: _MESSAGE_BYTES // 4]}).encode() + b"\n")
        socket.flush()
        taken = socket.waitForReadyRead(WAIT_MS) and bytes(socket.readAll().data()).startswith(b"ok")
        socket.disconnectFromServer()
        return bool(taken)

    def _on_connection(self) -> None:
        if self._server is None:
            return
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.readyRead.connect(lambda socket=socket: self._on_message(socket))
            socket.disconnected.connect(socket.deleteLater)
            self._on_message(socket)

    def _on_message(self, socket: QLocalSocket) -> None:
        if not socket.canReadLine():
            if socket.bytesAvailable() > _MESSAGE_BYTES:
                socket.abort()
            return
        try:
            found = json.loads(bytes(socket.readLine(_MESSAGE_BYTES).data()))
            link = found["link"]
        except (ValueError, KeyError, TypeError):
            socket.abort()
            return
        if not isinstance(link, str):
            socket.abort()
            return
        socket.write(b"ok\n")
        socket.flush()
        self.called.emit(link)

    def release(self) -> None:
        """Let the profile go."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._lock.unlock()
