"""The app's settings: a small typed file in the profile folder, read leniently, written atomically."""

import asyncio
import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import platformdirs
import structlog

from support_manager.errors import AppCode, LocalProblem
from support_manager.protocol.views import Mode

log = structlog.get_logger(__name__)


class Reply(msgspec.Struct, frozen=True):
    """A canned reply: the name under which it is found, and the text with places such as `{customer}`."""

    name: str
    text: str


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the app remembers between runs; no secret is ever in here."""

    relay_url: str = ""
    account_name: str = ""
    stay_signed_in: bool = False
    email_at_start: bool = True
    """The box E-mail of the Start page (B-3.1)."""
    own_mail_program: bool = True
    """The box «Send using my own email program» (B-4.2)."""
    own_mail_chosen: bool = False
    """Whether a message was ever sent with that box ticked: before that, no program opens by itself (B-3.2)."""
    mode: Mode = Mode.MULTI
    language: str = ""
    """`en`, `ro`, or empty for the system's."""
    theme: str = "system"
    """`system`, `light`, `dark` or `contrast`."""
    notifications: bool = True
    relay_only: bool = False
    """Media goes through the site's TURN server only, so that nobody learns this computer's address."""
    camera: str = ""
    """The chosen camera, by the system's name for it; empty for the system's own choice."""
    files_folder: str = ""
    """Where received files go; empty: the platform's own folder for downloads."""
    microphone: str = ""
    """The id of the chosen microphone; empty for the system's choice."""
    speaker: str = ""
    push_to_talk: bool = False
    """Whether the rep is heard only while he holds a key down."""
    replies: tuple[Reply, ...] = ()
    """The rep's canned replies."""
    recordings_folder: str = ""
    """Where recordings are kept; empty for the app's own place."""
    recordings_days: Annotated[int, msgspec.Meta(ge=0, le=3_650)] = 0
    """How long; older ones are deleted at the start of the app. 0 is for ever."""
    pinned_certificates: dict[str, str] = msgspec.field(default_factory=dict)
    """`host:port` → SHA-256 fingerprint that the rep accepted."""
    window: dict[str, str] = msgspec.field(default_factory=dict)
    """Geometry and the like, by object name, base 64."""


_FILE = "settings.json"


def profile_folder(given: Path | None = None) -> Path:
    """The folder that holds what the app remembers: the given one, or the platform's place for it."""
    return given if given is not None else Path(platformdirs.user_config_dir("support-manager", appauthor=False))


def recordings_folder(given: Path | None = None) -> Path | None:
    """The platform's place for what may be large, unless a profile folder is given, which then holds all."""
    place = platformdirs.user_data_path("support-manager", appauthor=False) / "recordings"
    return None if given is not None else place


class SettingsStore:
    """Reads the settings once, and writes them whole.

    Args:
        folder: the profile folder; it is made when something is written.
        recordings: the app's own place for recordings; beside the settings if not given.
    """

    def __init__(self, folder: Path, recordings: Path | None = None) -> None:
        self.folder = folder
        self.own_recordings = recordings if recordings is not None else folder / "recordings"
        self._path = folder / _FILE
        self._writing = asyncio.Lock()
        self.set_aside: Path | None = None
        """Where the old file lies now, when it could not be read."""
        self.current = self._read()

    def _read(self) -> Settings:
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return Settings()
        except OSError as error:
            log.warning("settings cannot be opened", error=type(error).__name__)
            self.set_aside = self._path
            return Settings()
        try:
            found = msgspec.json.decode(raw)
            if not isinstance(found, dict):
                raise msgspec.ValidationError("not an object")
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            self._put_aside()
            return Settings()
        return _lenient(found)

    def _put_aside(self) -> None:
        """Keep the file that nobody can read: the next write must not be the end of it."""
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        target = self._path.with_name(f"{_FILE}.unreadable-{stamp}")
        try:
            self._path.rename(target)
        except OSError:
            target = self._path
        self.set_aside = target
        log.warning("settings are unreadable and were set aside", file=target.name)

    async def change(self, **changes: object) -> Settings:
        """Change some settings and write them, in a thread.

        Raises:
            LocalProblem: `settings_not_saved`; the change holds for this run all the same.
            TypeError: for a setting that does not exist or a value of a wrong type: a bug of ours.
        """
        try:
            self.current = msgspec.convert(
                msgspec.to_builtins(msgspec.structs.replace(self.current, **changes)), Settings, strict=True
            )
        except msgspec.ValidationError as error:
            raise TypeError(str(error)) from None
        async with self._writing:  # one after the other, each with what is true by then
            try:
                await asyncio.to_thread(_write, self._path, self.current)
            except OSError as error:
                log.warning("settings not saved", error=type(error).__name__)
                raise LocalProblem(AppCode.SETTINGS_NOT_SAVED, reason=error.strerror or type(error).__name__) from error
        return self.current


def _lenient(found: dict[str, Any]) -> Settings:
    """Take every setting that makes sense; an unknown or spoilt one costs only itself."""
    settings = Settings()
    for field in msgspec.structs.fields(Settings):
        if field.name in found:
            try:
                value = msgspec.convert(found[field.name], field.type, strict=True)
            except msgspec.ValidationError:
                log.warning("setting ignored", name=field.name)
                continue
            settings = msgspec.structs.replace(settings, **{field.name: value})
    return settings


def _write(path: Path, settings: Settings) -> None:
    """Write beside and rename over: a crash or a full disk leaves the old file whole (POSIX rename, MoveFileEx)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(settings), indent=2)
    beside = path.with_name(f"{path.name}.new-{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(text + b"\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
