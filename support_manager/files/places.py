"""Files on the rep's disk: what is sent, the folder for what arrives, and the marks that a stranger's file gets."""

import errno
import mimetypes
import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import structlog

from support_manager.errors import AppCode, LocalProblem
from support_manager.files.book import Entry
from support_manager.files.moving import FileSource, Source
from support_manager.files.names import place, safe_name

log = structlog.get_logger(__name__)

_SPARE_BYTES = 64 * 2**20
"""Room that a received file leaves on the disk."""


def source_of(path: Path, session_id: str, transfer: str) -> tuple[Source, Entry]:
    """A file that the rep wants to send; a folder is packed into an archive of ours first.

    Raises:
        LocalProblem: `file_gone`.
    """
    name = path.name
    is_folder = path.is_dir()
    if is_folder:
        path, name = pack(path), f"{name}.zip"
    source = FileSource.of(path)
    entry = Entry(
        transfer=transfer,
        session_id=session_id,
        incoming=False,
        name=safe_name(name),
        type=mimetypes.guess_type(name)[0] or "",
        size=source.size,
        path=str(path),
        stamp=source.stamp,
        archive=is_folder,
        spool=is_folder,
    )
    return source, entry


def pack(folder: Path) -> Path:
    """A folder as one archive, in a place of ours that goes with the transfer; links are left out.

    Raises:
        LocalProblem: `file_gone`, `file_no_room`.
    """
    number, made = tempfile.mkstemp(prefix="support-manager-", suffix=".zip")
    os.close(number)
    try:
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
            for path in sorted(folder.rglob("*")):
                if not path.is_symlink() and (path.is_file() or path.is_dir()):
                    # Names that are no text on this system (Linux knows only bytes) are not worth failing for.
                    inside = str(Path(folder.name) / path.relative_to(folder))
                    archive.write(path, inside.encode("utf-8", "replace").decode())
    except (OSError, ValueError) as error:
        Path(made).unlink(missing_ok=True)
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise LocalProblem(AppCode.FILE_NO_ROOM if full else AppCode.FILE_GONE) from None
    return Path(made)


def reopen(entry: Entry) -> Source:
    """The file of an entry, to be sent or sent on."""
    return FileSource(Path(entry.path), entry.size, entry.stamp)


def prepare(folder: Path, size: int) -> None:
    """See that a file of that size can be put there.

    Raises:
        LocalProblem: `file_folder`, `file_no_room`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        writable = os.access(folder, os.W_OK | os.X_OK)
    except OSError:
        raise LocalProblem(AppCode.FILE_FOLDER) from None
    if not writable:
        raise LocalProblem(AppCode.FILE_FOLDER)
    if free < size + _SPARE_BYTES:
        raise LocalProblem(AppCode.FILE_NO_ROOM)


def settle(entry: Entry) -> str:
    """Give a received and checked file its name and its mark; returns where it lies.

    Raises:
        LocalProblem: `file_folder`, `file_no_room`.
    """
    partial = Path(entry.path)
    try:
        mark(partial)
        return str(place(partial, Path(entry.folder), entry.name))
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise LocalProblem(AppCode.FILE_NO_ROOM if full else AppCode.FILE_FOLDER) from None


def mark(path: Path) -> None:
    """Mark a file as coming from the internet, where the system knows such a mark; it is no error where it does not.

    Windows: the stream `Zone.Identifier` ([MS-FSCC] 5.6.1). macOS: `com.apple.quarantine`. Elsewhere: the extended
    attribute of freedesktop.org. None carries an address: whose file it was is nobody's business but the rep's.
    """
    try:
        if sys.platform == "win32":
            Path(f"{path}:Zone.Identifier").write_text("[ZoneTransfer]\r\nZoneId=3\r\n", encoding="ascii")
        elif hasattr(os, "setxattr"):
            os.setxattr(path, "user.xdg.origin.url", b"about:support-manager")
    except OSError as error:
        log.info("the file system takes no mark of origin", error=error.strerror)


def forget(entry: Entry) -> None:
    """Leave nothing behind of a transfer that came to nothing."""
    if not entry.path or not (entry.incoming or entry.spool):
        return
    try:
        Path(entry.path).unlink(missing_ok=True)
    except OSError as error:
        log.warning("a partial file could not be removed", error=error.strerror)
