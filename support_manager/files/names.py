"""Names of received files: whatever a stranger calls them, they land inside the folder under a name of their own."""

import os
import re
import unicodedata
from pathlib import Path

MOST_BYTES = 200
"""Of UTF-8; every file system takes 255, and a number and an ending are added."""
FALLBACK = "file"
_RESERVED = re.compile(
    r"^(con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])$", re.IGNORECASE
)
"""Device names of Windows, with any ending (learn.microsoft.com, Naming Files)."""
_BAD = re.compile(r'[<>:"/\\|?*]')
_HIDDEN_DOTS = ". "


def safe_name(told: str) -> str:
    """A name as this machine may use it, made of what the other end said.

    No separators, streams (`a:b`), control or direction characters, device names, hidden files or endless names; the
    ending that people see is the true one.
    """
    text = unicodedata.normalize("NFC", told.encode("utf-8", "replace").decode())
    # Only the last part of what looks like a path: that is what a sender means by it.
    text = re.split(r"[/\\]", text)[-1]
    # Cc, Cf (direction marks among them), Cs, Co, Cn, and the separators of lines.
    text = "".join(char for char in text if unicodedata.category(char) not in _UNSEEN)
    text = _BAD.sub("_", text)
    text = re.sub(r"\s+", " ", text).strip(_HIDDEN_DOTS)
    stem, dot, ending = text.rpartition(".")
    if not dot or not stem or len(ending.encode()) > 20:
        stem, ending = text, ""
    if _RESERVED.match(stem.split(".")[0].rstrip()):
        stem = f"_{stem}"
    stem = _cut(stem, MOST_BYTES - len(ending.encode()) - 1).rstrip(_HIDDEN_DOTS) or FALLBACK
    return f"{stem}.{ending}" if ending else stem


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _cut(text: str, most: int) -> str:
    raw = text.encode()
    return text if len(raw) <= most else raw[:most].decode("utf-8", "ignore")


def place(partial: Path, folder: Path, told: str) -> Path:
    """Give a finished file its name in `folder`, beside whatever is there; nothing is ever replaced or followed.

    Args:
        partial: the finished file, on the same file system.
        folder: the rep's choice.
        told: the name that the other end gave.

    Raises:
        OSError: the folder cannot be written.
    """
    name = safe_name(told)
    stem, dot, ending = name.rpartition(".")
    if not dot:
        stem, ending = name, ""
    for number in range(1, 10_000):
        tried = name if number == 1 else f"{stem} ({number}){dot}{ending}" if dot else f"{name} ({number})"
        target = folder / tried
        try:
            _claim(partial, target)
        except FileExistsError:
            continue
        return target
    raise FileExistsError(name)


def _claim(partial: Path, target: Path) -> None:
    """Move without replacing anything: a link fails where a name is taken, be it by a symbolic link."""
    try:
        os.link(partial, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:
        # File systems without hard links (FAT, some network drives): take the name first, exclusively.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        partial.replace(target)
        return
    partial.unlink()
