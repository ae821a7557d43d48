"""The operator's settings: what there is, where it is kept, and how the running relay reads it."""

import json
import time
from typing import Any

from sqlalchemy import delete, insert, select

from server_stub import audit
from server_stub.ports import MailServer
from server_stub.setting_checks import (
    MAIL_SECURITY,
    MODES,
    SITES_MODES,
    Definition,
    SettingError,
    address,
    app_url,
    check_public_url,
    company,
    host,
    ice_servers,
    line,
    one_of,
    slug,
    turn_urls,
    whole_number,
)
from server_stub.state.files import FileRules
from server_stub.store import tables
from server_stub.store.database import Database
from server_stub.transport import allowed_origins
from support_manager.protocol import limits
from support_manager.protocol.views import IceServer, Mode

__all__ = ["DEFINITIONS", "LiveSettings", "MailServer", "SettingError", "check_public_url", "read_all", "write"]

DEFAULT_QUEUE = "support"
"""Short name of the queue that the first start makes."""


DEFINITIONS: dict[str, Definition] = {
    definition.key: definition
    for definition in (
        Definition("company", "Name shown to customers on the site and in the page.", "Support Manager", company),
        Definition(
            "public_url",
            "Address under which customers reach the relay, such as https://support.example.org; "
            "empty: where it listens.",
            "",
            check_public_url,
        ),
        Definition(
            "ice_servers",
            "STUN and TURN servers handed out to members of sessions, as a JSON list; [] by default.",
            [],
            ice_servers,
        ),
        Definition(
            "turn_urls",
            "Addresses of the TURN server that `support-relay turn-config` has set up, parted by spaces; empty: none.",
            "",
            turn_urls,
        ),
        Definition("turn_secret", "Secret shared with that TURN server; never shown.", "", line, secret=True),
        Definition(
            "relay_only",
            "yes: media goes through the TURN server only, so that nobody learns another's address; no by default.",
            "no",
            lambda text: one_of(text, ("no", "yes")),
        ),
        Definition(
            "app_url",
            "Where reps get the desktop app, such as https://intranet.example.org/apps; "
            "empty: they ask their administrator.",
            "",
            app_url,
        ),
        Definition(
            "keep_days",
            "How many days a session's transcript is kept after its end, 0 to 3650; then only that it took place.",
            30,
            lambda text: whole_number(text, 0, 3_650),
        ),
        Definition(
            "connections_per_address",
            "How many sockets one address, or one network of IPv6, may hold at once, 4 to 10000; an office shares one.",
            200,
            lambda text: whole_number(text, 4, 10_000),
        ),
        Definition(
            "modes",
            "In which mode reps start sessions: single (one session, several customers), multi (a session for every "
            "customer) or choice; an account may have its own.",
            SITES_MODES,
            lambda text: one_of(text, tuple(MODES)),
        ),
        Definition(
            "customers_per_rep",
            "How many customers a rep may help at once, 0 to 1000, 0 for any number; an account may have its own.",
            0,
            lambda text: whole_number(text, 0, 1_000),
        ),
        Definition(
            "default_queue",
            "Short name of the queue to which a session falls that nobody accepts.",
            DEFAULT_QUEUE,
            slug,
        ),
        Definition(
            "offer_s",
            "For how many seconds a session is offered to chosen agents, 5 to 600; a queue has its own.",
            limits.OFFER_S,
            lambda text: whole_number(text, 5, 600),
        ),
        Definition(
            "session_without_controller_s",
            "After how many seconds without its rep a session ends, 60 to 86400.",
            limits.SESSION_WITHOUT_CONTROLLER_S,
            lambda text: whole_number(text, 60, 86_400),
        ),
        Definition(
            "file_mb",
            "The largest file that may be sent, in MiB, 0 to 1000000; 0: no files at all.",
            4_096,
            lambda text: whole_number(text, 0, 1_000_000),
        ),
        Definition(
            "files_per_session",
            "How many files may be offered in one session, 1 to 10000.",
            200,
            lambda text: whole_number(text, 1, 10_000),
        ),
        Definition(
            "files_at_once",
            "How many files of one session may be on their way at once, 1 to 100.",
            10,
            lambda text: whole_number(text, 1, 100),
        ),
        Definition(
            "files_site_mb",
            "How much of all files on their way the relay keeps on its disk, in MiB, 64 to 1000000; each has its share "
            "from the yes on, and where none is left it can be accepted a little later.",
            4_096,
            lambda text: whole_number(text, 64, 1_000_000),
        ),
        Definition(
            "file_idle_minutes",
            "After how many minutes without a byte or an answer a file that nobody fetches is put away, 1 to 1440.",
            60,
            lambda text: whole_number(text, 1, 1_440),
        ),
        Definition(
            "smtp_host", "Mail server through which invitations are sent; empty: the relay sends none.", "", host
        ),
        Definition(
            "smtp_port", "Port of the mail server, 1 to 65535.", 587, lambda text: whole_number(text, 1, 65_535)
        ),
        Definition(
            "smtp_security",
            "How the way to the mail server is guarded: none, starttls or tls.",
            "starttls",
            lambda text: one_of(text, MAIL_SECURITY),
        ),
        Definition("smtp_user", "Name to sign in to the mail server with; empty: without signing in.", "", line),
        Definition("smtp_password", "Password for the mail server; never shown.", "", line, secret=True),
        Definition("mail_from", "Address from which invitations come, such as support@example.org.", "", address),
    )
}


def definition(key: str) -> Definition:
    """The setting called `key`.

    Raises:
        SettingError: when there is none; the text names those there are.
    """
    if key not in DEFINITIONS:
        raise SettingError(f"There is no setting “{key}”; there are: {', '.join(DEFINITIONS)}.")
    return DEFINITIONS[key]


def as_text(value: Any) -> str:  # noqa: ANN401 - a JSON value
    """A value in the form in which it is given to `setting set`."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def shown(key: str, value: Any) -> Any:  # noqa: ANN401 - a JSON value
    """A setting's value as a list of settings may show it; a secret only says whether it is set."""
    return ("(set)" if value else "") if DEFINITIONS[key].secret else value


async def read_all(database: Database) -> dict[str, Any]:
    """Every setting, stored or default. A stored value that no longer passes its check counts as not set."""
    async with database.reading() as connection:
        rows = (await connection.execute(select(tables.setting.c.key, tables.setting.c.value))).all()
    stored = {row.key: row.value for row in rows}
    values: dict[str, Any] = {}
    for key, entry in DEFINITIONS.items():
        values[key] = entry.default
        if key in stored:
            try:
                values[key] = entry.parse(as_text(stored[key]))
            except SettingError:
                continue
    return values


async def write(database: Database, key: str, text: str, *, who: str = audit.OPERATOR) -> Any:  # noqa: ANN401 - JSON
    """Check `text`, keep it as the setting `key` and return its value.

    Args:
        database: open.
        key: of `DEFINITIONS`.
        text: the value as an operator writes it.
        who: for the audit log.

    Raises:
        SettingError: for an unknown key or a value that does not pass.
    """
    entry = definition(key)
    value = entry.parse(text)
    async with database.transaction() as connection:
        if key == "default_queue":
            queue = tables.queue.c
            found = await connection.execute(select(queue.id).where(queue.slug == value, queue.enabled.is_(True)))
            if found.first() is None:
                raise SettingError(f"There is no open queue “{value}”; see `support-relay queue list`.")
        await connection.execute(delete(tables.setting).where(tables.setting.c.key == key))
        await connection.execute(insert(tables.setting).values(key=key, value=value))
        shown = key if entry.secret or key == "ice_servers" else f"{key} = {as_text(value)}"
        await audit.append(connection, [audit.Record(time.time_ns() // 1_000_000, "setting_changed", who, shown)])
    return value


class LiveSettings:
    """The settings as the running relay reads them: the operator's, and what the command line decided.

    Args:
        public_url: from the command line; it wins over the stored one. Empty: the stored one, else `bound_url`.
        bound_url: where the relay listens.
        behind_proxy: whether a proxy in front tells the client's address.
    """

    def __init__(self, *, public_url: str, bound_url: str, behind_proxy: bool) -> None:
        self._given_url = public_url
        self._bound_url = bound_url
        self._behind_proxy = behind_proxy
        self._values = {key: entry.default for key, entry in DEFINITIONS.items()}
        self._derive()

    def take(self, values: dict[str, Any]) -> None:
        """Use `values` (of `read_all`) from now on."""
        if values != self._values:
            self._values = dict(values)
            self._derive()

    def _derive(self) -> None:
        self._public_url = self._given_url or self._values["public_url"] or self._bound_url
        self._origins = tuple(sorted(allowed_origins(self._public_url, self._bound_url)))
        self._ice = tuple(
            IceServer(urls=tuple(entry["urls"]), username=entry["username"], credential=entry["credential"])
            for entry in self._values["ice_servers"]
        )

    @property
    def company(self) -> str:
        """Name of the site's owner."""
        return str(self._values["company"])

    @property
    def public_url(self) -> str:
        """Address under which customers reach the relay, without a slash at the end."""
        return self._public_url

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """Origins from which the relay's own pages may open a socket."""
        return self._origins

    @property
    def ice_servers(self) -> tuple[IceServer, ...]:
        """Handed out to members of sessions."""
        return self._ice

    @property
    def turn_urls(self) -> str:
        """Addresses of the TURN server for which the relay makes credentials, parted by spaces; empty: none."""
        return str(self._values["turn_urls"])

    @property
    def turn_secret(self) -> str:
        """Shared with that TURN server."""
        return str(self._values["turn_secret"])

    @property
    def relay_only(self) -> bool:
        """Whether media may go through the TURN server only."""
        return bool(self._values["relay_only"] == "yes")

    @property
    def behind_proxy(self) -> bool:
        """Whether the last `X-Forwarded-For` entry is the client's address."""
        return self._behind_proxy

    @property
    def connections_per_address(self) -> int:
        """How many sockets one address may hold."""
        return int(self._values["connections_per_address"])

    @property
    def keep_days(self) -> int:
        """How many days after its end a session's transcript and other facts are kept."""
        return int(self._values["keep_days"])

    @property
    def app_url(self) -> str:
        """Where reps get the desktop app; empty when the operator does not say."""
        return str(self._values["app_url"])

    @property
    def modes(self) -> tuple[Mode, ...]:
        """In which modes a rep whose account says nothing may start sessions."""
        return MODES[str(self._values["modes"])]

    @property
    def customers_per_rep(self) -> int:
        """How many customers a rep whose account says nothing may help at once; 0 for any number (B-6.3)."""
        return int(self._values["customers_per_rep"])

    @property
    def default_queue(self) -> str:
        """Short name of the queue to which a session falls that nobody accepts (B-10.4)."""
        return str(self._values["default_queue"])

    @property
    def offer_s(self) -> int:
        """For how many seconds a session is offered to chosen agents (B-10.4)."""
        return int(self._values["offer_s"])

    @property
    def session_without_controller_s(self) -> int:
        """After how many seconds without a controller a session ends (B-12.6)."""
        return int(self._values["session_without_controller_s"])

    @property
    def file_rules(self) -> FileRules:
        """What the administrator allows of files (B-7.5)."""
        values = self._values
        return FileRules(
            size_bytes=int(values["file_mb"]) * 2**20,
            per_session=int(values["files_per_session"]),
            at_once=int(values["files_at_once"]),
            site_bytes=int(values["files_site_mb"]) * 2**20,
            idle_s=int(values["file_idle_minutes"]) * 60,
        )

    @property
    def mail(self) -> MailServer:
        """How the relay sends mail."""
        values = self._values
        return MailServer(
            host=str(values["smtp_host"]),
            port=int(values["smtp_port"]),
            security=str(values["smtp_security"]),
            user=str(values["smtp_user"]),
            password=str(values["smtp_password"]),
            sender=str(values["mail_from"]),
        )

    @property
    def is_tls(self) -> bool:
        """Whether customers reach the relay over TLS, its own or the proxy's."""
        return self._public_url.startswith("https:")
