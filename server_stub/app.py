"""The relay as a whole: puts its parts together, starts and stops them in order."""

import asyncio
import contextlib
import errno
import gc
import os
import signal
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
from aiohttp import web

from server_stub import settings as site_settings
from server_stub.accounts import Accounts
from server_stub.admin.area import AdminArea
from server_stub.audit import Audit
from server_stub.ending import Ending
from server_stub.failures import OperatorError
from server_stub.front_door import FrontDoor, body_guard
from server_stub.handlers import Relay
from server_stub.http_api import HttpApi
from server_stub.rep_site import RepSite
from server_stub.settings import LiveSettings
from server_stub.site import Site, security_headers
from server_stub.store.database import Database, StoreError
from server_stub.tasks import TaskOwner
from server_stub.tls import server_context
from server_stub.transport import is_loopback, is_wildcard
from server_stub.visitors import Visitors
from support_manager.protocol import limits

log = structlog.get_logger(__name__)

IDLE_S = 20.0
"""How long a connection may sit between requests; also how long a request line with its headers may take."""
HANDSHAKE_S = 10.0
STOP_S = 5.0
"""How long a graceful stop waits for requests under way before it cuts them."""
GC_ALLOCATIONS = 10_000
"""So many objects more than were freed, and the interpreter looks for unreachable cycles; by default 700."""
SETTINGS_EVERY_S = 2.0
"""How soon a running relay takes up what `support-relay setting set` changed and `session end` ordered."""


@dataclass(frozen=True)
class ServeOptions:
    """What the command line decides."""

    data: Path
    database: str = ""
    host: str = "127.0.0.1"
    port: int = 8765
    certificate: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False
    plain_http: bool = False
    public_url: str = ""


def check_exposure(options: ServeOptions) -> None:
    """Refuse to listen where passwords or pictures of strangers would travel in the clear by accident.

    Raises:
        OperatorError: for plain HTTP on other than loopback unless asked for by name, or half a pair of TLS files.
    """
    if (options.certificate is None) != (options.key is None):
        raise OperatorError("TLS needs both files; give --tls-cert and --tls-key together.")
    if options.certificate is not None or is_loopback(options.host) or options.plain_http:
        return
    if options.behind_proxy:
        raise OperatorError(
            f"Listening on {options.host} lets clients reach the relay past the proxy, without TLS and under any "
            "address they name; leave --host at 127.0.0.1, or insist with --plain-http where only the proxy can reach "
            "that port."
        )
    raise OperatorError(
        f"Listening on {options.host} without TLS would send passwords in the clear; give --tls-cert and "
        "--tls-key, or --behind-proxy when a proxy on this machine adds TLS, or insist with --plain-http."
    )


def existing_database(options: ServeOptions) -> Database:
    """The database that the options name, not yet open and not for a relay; makes nothing where nothing is.

    Raises:
        OperatorError: when there is none, as with a mistyped `--data`.
    """
    if options.database:
        database = open_database(options, exclusive=False)
        path = database.sqlite_path
    else:
        database, path = None, options.data / "relay.sqlite3"
        _refuse_file(options.data)
    if path is not None:
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            option = "file with --database" if options.database else "data folder with --data"
            raise OperatorError(f"There is no database at {path}; name the relay's {option}.") from None
        except OSError as error:
            raise store_failure(StoreError("database_unreadable", error.strerror or ""), options) from None
    return database or open_database(options, exclusive=False)


def open_database(options: ServeOptions, *, exclusive: bool) -> Database:
    """The database that the options name, not yet open; makes the data folder when it is missing.

    Raises:
        OperatorError: when the data folder cannot be made or written.
    """
    try:
        if options.database:
            return Database(options.database, exclusive=exclusive)
        prepare_data_folder(options.data)
        return Database.in_directory(options.data, exclusive=exclusive)
    except StoreError as error:
        raise store_failure(error, options) from None


def prepare_data_folder(data: Path) -> None:
    """Make the data folder, for the relay's own user only, and see that it can be written.

    Raises:
        OperatorError: when it cannot.
    """
    _refuse_file(data)
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = data / ".write-test"
        probe.touch(mode=0o600)
        probe.unlink()
    except OSError as error:
        raise OperatorError(
            f"The data folder {data} cannot be written ({error.strerror}); give the relay's user the right to it, or "
            "another folder with --data."
        ) from None


def _refuse_file(data: Path) -> None:
    # Unlike `Path.is_file` this never fails, not even for want of a right.
    if os.path.isfile(data):
        raise OperatorError(f"{data} is a file; name with --data the folder in which the relay's database is.")


def store_failure(error: StoreError, options: ServeOptions) -> OperatorError:
    """What an operator is told when the database cannot be used."""
    where = (
        "the database given with --database" if options.database else f"the database {options.data / 'relay.sqlite3'}"
    )
    sentence = {
        "database_locked": f"Another relay or program is using {where}; stop that one first, then try again.",
        "database_newer": f"A newer version of this program wrote {where}; install that version, or restore a backup.",
        "no_driver": f"The driver {error.detail} for {where} is missing; install it beside the relay, then try again.",
        "unknown_database": f"This relay cannot use {where}: {error.detail}; the URL must begin with "
        "postgresql+asyncpg:// or sqlite+aiosqlite:///.",
    }.get(
        error.code,
        f"This relay cannot use {where} ({error.detail or 'unreadable'}); "
        + (
            "check the URL, and that the database's server runs."
            if options.database and not options.database.startswith("sqlite")
            else "check the path and its rights, or restore a backup."
        ),
    )
    return OperatorError(sentence[0].upper() + sentence[1:])


class Service:
    """One running relay.

    Args:
        options: see there.
    """

    def __init__(self, options: ServeOptions) -> None:
        check_exposure(options)
        self._options = options
        self._tls: ssl.SSLContext | None = None
        if options.certificate is not None and options.key is not None:
            self._tls = server_context(options.certificate, options.key)
        self._exit = contextlib.AsyncExitStack()

    async def start(self) -> str:
        """Open everything and listen.

        Returns:
            The URL under which the relay listens.

        Raises:
            OperatorError: with the sentence for the operator; whatever was opened is closed again.
        """
        try:
            return await self._start()
        except StoreError as error:
            await self._exit.aclose()
            raise store_failure(error, self._options) from None
        except BaseException:
            await self._exit.aclose()
            raise

    async def _start(self) -> str:
        options, leave = self._options, self._exit
        # First the port: a second relay started by mistake then reads about the port, and touches nothing.
        listener = leave.enter_context(_listen(options.host, options.port))
        bound_url = _bound_url(options, listener, tls=self._tls is not None)
        database = open_database(options, exclusive=True)
        await database.open()
        leave.push_async_callback(database.close)
        stored = await site_settings.read_all(database)
        if not (options.public_url or stored["public_url"]) and (options.behind_proxy or is_wildcard(options.host)):
            raise OperatorError(
                "Customers' links need the relay's public address; give it with --public-url https://… or "
                "support-relay setting set public_url https://…"
            )
        live = LiveSettings(public_url=options.public_url, bound_url=bound_url, behind_proxy=options.behind_proxy)
        live.take(stored)
        accounts = Accounts(database)
        leave.callback(accounts.close)
        await accounts.prepare()
        relay = Relay(database=database, settings=live, accounts=accounts, folder=options.data / "files")
        api = HttpApi(accounts=accounts, settings=live, figures=relay.figures, queue=relay.queue_now)
        app = web.Application(middlewares=[body_guard()], client_max_size=limits.MESSAGE_BYTES)
        app.on_response_prepare.append(security_headers(live))
        relay.attach(app)
        relay.files.attach(app)
        api.attach(app)
        visitors = Visitors(accounts, database, live)
        RepSite(visitors, api, live, relay.sessions_of, Audit(database)).attach(app)
        AdminArea(visitors, live, database, relay.members, relay.ending, relay.postman).attach(app)
        Site(live, visitors).attach(app)
        runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=IDLE_S,
            shutdown_timeout=STOP_S,
            max_line_size=8190,
            max_field_size=8190,
        )
        await runner.setup()
        leave.push_async_callback(runner.cleanup)
        await relay.start()
        leave.push_async_callback(relay.stop)
        tasks = TaskOwner("relay")
        leave.push_async_callback(tasks.aclose)
        tasks.spawn(_follow_commands(database, live, relay.ending), name="follow commands")
        door = FrontDoor(runner, per_address=None if options.behind_proxy else 4 * live.connections_per_address)
        server = await asyncio.get_running_loop().create_server(
            door.protocol,
            sock=listener,
            ssl=self._tls,
            backlog=512,
            ssl_handshake_timeout=None if self._tls is None else HANDSHAKE_S,
        )
        leave.callback(server.close)
        leave.callback(setattr, api, "stopping", True)
        log.info("listening", url=bound_url, host=options.host, public_url=live.public_url)
        return bound_url

    async def stop(self) -> None:
        """Stop in the reverse order: no new connections, clients told, journal flushed, database closed."""
        log.info("stopping")
        await self._exit.aclose()
        log.info("stopped")


async def serve(options: ServeOptions, on_listening: Callable[[str], None]) -> None:
    """Run a relay until SIGTERM or SIGINT; a second signal does not wait for the graceful end.

    Raises:
        OperatorError: when it cannot start.
    """
    service = Service(options)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        else:
            loop.add_signal_handler(number, stop.set)
    url = await service.start()
    # What is here now stays; looking through it again and again for cycles cost more than 2 % of the relay's CPU.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, 10, 10)
    try:
        on_listening(url)
        await stop.wait()
    finally:
        if sys.platform != "win32":
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_DFL)
        try:
            async with asyncio.timeout(3 * STOP_S):
                await service.stop()
        except TimeoutError:
            log.error("the graceful stop took too long; leaving anyway")


async def _follow_commands(database: Database, live: LiveSettings, orders: Ending) -> None:
    seen: int | None = None
    while True:
        await asyncio.sleep(SETTINGS_EVERY_S)
        stamp = await database.stamp()
        if stamp is None or stamp != seen:
            done = [
                await _done(_take_settings(database, live), "settings could not be read; the last ones hold"),
                await _done(orders.carry_out(database), "orders could not be carried out"),
            ]
            seen = stamp if all(done) else None


async def _done(work: Awaitable[None], failure: str) -> bool:
    """Do it, and say whether it succeeded; what fails in it ends no task, and `failure` is for the log."""
    try:
        await work
    except StoreError as error:
        log.warning(failure, code=error.code)
    except Exception:
        log.exception(failure)
    else:
        return True
    return False


async def _take_settings(database: Database, live: LiveSettings) -> None:
    live.take(await site_settings.read_all(database))


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise OperatorError(
            f"The host name {host} is not known; give an address of this machine with --host."
        ) from None
    family, _, _, _, address = found[0]
    try:
        return socket.create_server(
            address[:2], family=family, backlog=512, dualstack_ipv6=family == socket.AF_INET6 and is_wildcard(host)
        )
    except OSError as error:
        sentence = {
            errno.EADDRINUSE: f"Port {port} on {host} is taken by another program; stop it, "
            "or choose another with --port.",
            errno.EACCES: f"Port {port} needs more rights than this user has; choose one above 1023 with --port, "
            "and put a proxy in front, or give the service CAP_NET_BIND_SERVICE.",
            errno.EADDRNOTAVAIL: f"{host} is no address of this machine; give one that is with --host.",
        }.get(error.errno or 0, f"The relay cannot listen on {host} port {port} ({error.strerror}); choose another.")
        raise OperatorError(sentence) from None


def _bound_url(options: ServeOptions, listener: socket.socket, *, tls: bool) -> str:
    host = "127.0.0.1" if is_wildcard(options.host) else options.host
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{'https' if tls else 'http'}://{host}:{listener.getsockname()[1]}"
