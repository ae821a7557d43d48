"""What an operator does now and then: look whether all is well, and copy the database while the relay runs."""

import asyncio
import os
import sqlite3
import stat
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from server_stub import audit, settings
from server_stub.app import ServeOptions, existing_database, store_failure
from server_stub.failures import OperatorError
from server_stub.store.database import StoreError


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    good: bool
    text: str


async def check(options: ServeOptions) -> list[Finding]:
    """Look at the data folder, the database and the settings; nothing is changed but a pending migration.

    Raises:
        OperatorError: when there is no database, or data folder or database cannot be used at all.
    """
    findings: list[Finding] = []
    try:
        async with existing_database(options) as database:
            findings.append(Finding(True, "The database opens and is up to date."))
            path = database.sqlite_path
            if path is not None:
                async with database.reading() as connection:
                    result = str((await connection.execute(text("PRAGMA integrity_check(1)"))).scalar())
                findings.append(
                    Finding(True, "The database is whole.")
                    if result == "ok"
                    else Finding(False, f"The database is damaged ({result}); stop the relay and restore a backup.")
                )
                findings.extend(_modes(path.parent if not options.database else None, path))
            findings.append(_chain(await audit.check_chain(database)))
            values = await settings.read_all(database)
    except StoreError as error:
        raise store_failure(error, options) from None
    url = values["public_url"]
    if url.startswith("http:") and not url.startswith(("http://127.", "http://localhost", "http://[::1]")):
        findings.append(
            Finding(
                False, f"The public URL {url} is not https; browsers let nobody share a screen there. Set an https one."
            )
        )
    else:
        findings.append(Finding(True, f"The public URL is {url or 'where the relay listens'}."))
    findings.extend(_turn(values))
    return findings


def _turn(values: dict[str, Any]) -> list[Finding]:
    """What is wrong with the way through a TURN server."""
    own = bool(values["turn_urls"] and values["turn_secret"])
    others = any(url.startswith("turn") for server in values["ice_servers"] for url in server["urls"])
    findings = []
    if values["turn_urls"] and not values["turn_secret"]:
        text = "turn_urls names a TURN server with which the relay shares no secret; run support-relay turn-config."
        findings.append(Finding(False, text))
    if values["relay_only"] == "yes" and not (own or others):
        text = (
            "relay_only is yes, but there is no TURN server, so that nobody sees anything; run support-relay "
            "turn-config, or set relay_only to no."
        )
        findings.append(Finding(False, text))
    if own:
        findings.append(Finding(True, f"Sessions may use the TURN server {values['turn_urls']}."))
    return findings


def _chain(found: audit.ChainFinding) -> Finding:
    if found.broken_at is None:
        # Whoever can write the database can cut the log's end off; only a value kept elsewhere shows that.
        end = f" and ends in {found.last[:16]}" if found.last else ""
        return Finding(True, f"The audit log is whole: it has {found.records} records{end}.")
    return Finding(
        False,
        f"The audit log was changed: record {found.broken_at} does not follow from the one before it. Compare it with "
        "a backup, and find out who can write the database.",
    )


def _modes(folder: Path | None, database: Path) -> list[Finding]:
    if sys.platform == "win32":
        return []
    findings = []
    for path in (folder, database):
        if path is None:
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        wanted = "700" if path.is_dir() else "600"
        findings.append(
            Finding(True, f"Only the relay's user can read {path}.")
            if not mode & 0o077
            else Finding(False, f"Others can read {path} (mode {mode:03o}); run: chmod {wanted} {path}")
        )
    return findings


async def backup(options: ServeOptions, target: Path) -> None:
    """Copy the SQLite database by its online backup, also while the relay writes; the copy appears whole or not at all.

    Raises:
        OperatorError: without a SQLite file, when the target exists or cannot be written, or the database stays locked.
    """
    source = _source(options)
    if await asyncio.to_thread(target.exists):
        raise OperatorError(
            f"{target} exists already; name a file that does not, so that no older backup is overwritten."
        )
    part = target.with_name(target.name + ".part")
    try:
        await asyncio.to_thread(_copy, source, part, target)
    except sqlite3.Error as error:
        part.unlink(missing_ok=True)
        raise OperatorError(f"The backup failed ({error}); run support-relay check, and try again.") from None
    except OSError as error:
        raise OperatorError(f"{target} cannot be written ({error.strerror}); choose another place.") from None


def _source(options: ServeOptions) -> Path:
    path = existing_database(options).sqlite_path
    if path is None:
        raise OperatorError("This backup is for SQLite; copy another database with its own tools, such as pg_dump.")
    return path


def _copy(source: Path, part: Path, target: Path) -> None:
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    address = f"{source.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=10)) as read, closing(sqlite3.connect(part)) as write:
        read.backup(write, pages=1024, sleep=0.01)
        if write.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("the copy is damaged")
        # The key of join links belongs to the running relay alone; a restored one makes itself another, so links of
        # sessions that were open then no longer open them. VACUUM leaves no trace of it in free pages.
        write.execute("DELETE FROM setting WHERE key = 'link_key'")
        write.commit()
        write.execute("VACUUM")
        # A copy in one file: the WAL mode of the source would leave two more beside it.
        write.execute("PRAGMA journal_mode=DELETE")
    part.replace(target)
