"""A controller without relay and media, for tests of widgets; `tests/contract/test_intents.py` keeps it honest.

It is unrealistic in these: nothing takes time, nothing is lost, and customers do what the test says (`joins`, `says`,
`shows`).
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from support_manager.errors import LocalProblem, Refused, SupportManagerError
from support_manager.events import (
    AppEvent,
    Attention,
    Failed,
    Happening,
    Link,
    LinkChanged,
    LinkPrefilled,
    Picture,
    SessionChanged,
    SessionClosed,
    SessionOpened,
    SessionSnapshot,
    SignedIn,
    SignedOut,
)
from support_manager.intents import Invitation
from support_manager.invitations import build_invitation
from support_manager.links import parse_link
from support_manager.media.mailbox import FrameMailbox
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import (
    AccountView,
    Audience,
    ChatLine,
    Connection,
    EndReason,
    Mode,
    ParticipantView,
    SessionView,
)
from support_manager.settings import Settings
from tests.harness.fake_files import FakeFiles
from tests.harness.fake_people import FakePeople
from tests.harness.fake_recordings import FakeRecordings

ME = "rep-1"


class FakeIntents(FakeRecordings, FakePeople, FakeFiles):
    """Implements `Intents` in memory.

    Attributes:
        failing: intent's name → the error it raises from now on.
        asked: what was asked of it, in order: name and arguments.
    """

    def __init__(self, settings: Settings | None = None, *, signed_in: bool = False) -> None:
        FakeFiles.__init__(self)
        self._account: AccountView | None = None
        self._link = Link.SIGNED_OUT
        self._sessions: dict[str, SessionSnapshot] = {}
        self._settings = settings or Settings(language="en", theme="light")
        self._listeners: list[Callable[[AppEvent], None]] = []
        self._numbers = itertools.count(482_119_903)
        self.failing: dict[str, SupportManagerError] = {}
        self.asked: list[tuple[Any, ...]] = []
        if signed_in:
            self._account, self._link = ACCOUNT, Link.ONLINE

    @property
    def account(self) -> AccountView | None:
        return self._account

    @property
    def link(self) -> Link:
        return self._link

    @property
    def relay_url(self) -> str:
        return self._settings.relay_url

    @property
    def sessions(self) -> Mapping[str, SessionSnapshot]:
        return self._sessions

    @property
    def settings(self) -> Settings:
        return self._settings

    def subscribe(self, listener: Callable[[AppEvent], None]) -> Callable[[], None]:
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return end

    def emit(self, event: AppEvent) -> None:
        for listener in list(self._listeners):
            listener(event)

    def _ask(self, name: str, *arguments: Any) -> None:
        self.asked.append((name, *arguments))
        if name in self.failing:
            raise self.failing[name]

    def set_link(self, link: Link, code: Any = None) -> None:
        """Have the connection change."""
        self._link = link
        self.emit(LinkChanged(link, code=code))

    async def start(self) -> None:
        self.asked.append(("start",))

    async def sign_in(self, relay_url: str, name: str, password: str, *, stay: bool) -> AccountView:
        self._ask("sign_in", relay_url, name, password, stay)
        self._account = ACCOUNT
        self.emit(SignedIn(ACCOUNT, relay_url, kept=stay))
        self._settings = msgspec.structs.replace(
            self._settings, relay_url=relay_url, account_name=name, stay_signed_in=stay
        )
        self.set_link(Link.CONNECTING)
        self.set_link(Link.ONLINE)
        return ACCOUNT

    async def accept_certificate(self, relay_url: str, fingerprint: str) -> None:
        self._ask("accept_certificate", relay_url, fingerprint)
        self.failing.pop("sign_in", None)

    async def sign_out(self) -> None:
        self._ask("sign_out")
        self._account = None
        self._sessions.clear()
        self.set_link(Link.SIGNED_OUT)
        self.emit(SignedOut())

    async def start_session(self, mode: Mode | None = None, tracking_code: str = "") -> SessionSnapshot:
        self._ask("start_session", mode, tracking_code)
        number = next(self._numbers)
        rep = ParticipantView(
            id=ME, role=Role.CONTROLLER, name=ACCOUNT.display_name, connection=Connection.ONLINE, joined_at=1
        )
        view = SessionView(
            id=f"session-{number}", number=str(number), mode=mode or Mode.MULTI, state=SessionState.WAITING, seq=1,
            started_at=1, you=ME, participants=(rep,), tracking_code=tracking_code,
            link=f"https://help.example/join#{number}",
        )  # fmt: skip
        snapshot = SessionSnapshot(view)
        self._sessions[view.id] = snapshot
        self.emit(SessionOpened(snapshot))
        return snapshot

    def _get(self, session_id: str) -> SessionSnapshot:
        if session_id not in self._sessions:
            raise Refused(ErrorCode.SESSION_UNKNOWN)
        return self._sessions[session_id]

    async def end_session(self, session_id: str) -> None:
        self._ask("end_session", session_id)
        snapshot = self._get(session_id)
        ended = msgspec.structs.replace(snapshot.view, state=SessionState.ENDED, end_reason=EndReason.ENDED_BY_REP)
        last = self._sessions[session_id] = replace(snapshot, view=ended, picture=Picture.NONE)
        self.emit(SessionChanged(last))
        del self._sessions[session_id]
        self.emit(SessionClosed(last, EndReason.ENDED_BY_REP))

    async def ask_view(self, session_id: str) -> None:
        self._ask("ask_view", session_id)
        self.shows(session_id, Picture.ASKED)

    async def stop_view(self, session_id: str) -> None:
        self._ask("stop_view", session_id)
        self.shows(session_id, Picture.NONE)

    async def send_chat(self, session_id: str, text: str, audience: Audience = Audience.ALL) -> None:
        self._ask("send_chat", session_id, text, audience)
        self._line(session_id, ME, ACCOUNT.display_name, Role.CONTROLLER, text)

    async def retry_chat(self, session_id: str, line_id: str) -> None:
        self._ask("retry_chat", session_id, line_id)
        self._get(session_id)

    async def change_settings(self, **changes: object) -> Settings:
        self._ask("change_settings", changes)
        self._settings = msgspec.structs.replace(self._settings, **changes)
        return self._settings

    def invitation(self, session_id: str, locale: str, address: str = "", *, to_rep: bool = False) -> Invitation:
        return build_invitation(
            self._get(session_id).view, locale=locale, rep=ACCOUNT.display_name, company="Example",
            site="https://help.example", address=address, to_rep=to_rep,
        )  # fmt: skip

    def set_visible(self, session_id: str, visible: bool) -> None:
        self.asked.append(("set_visible", session_id, visible))

    def mailbox(self, session_id: str) -> FrameMailbox | None:
        return None

    def open_link(self, url: str) -> None:
        try:
            found: LinkPrefilled | Failed = parse_link(url)
        except LocalProblem as problem:
            found = Failed(problem.code, problem.params)
        self.emit(found)

    async def aclose(self) -> None:
        self.asked.append(("aclose",))

    # --- what customers do

    def _change(self, snapshot: SessionSnapshot, **view: Any) -> SessionSnapshot:
        changed = replace(snapshot, view=msgspec.structs.replace(snapshot.view, **view))
        self._sessions[snapshot.id] = changed
        self.emit(SessionChanged(changed))
        return changed

    def joins(self, session_id: str, name: str = "Ana P.", **more: Any) -> None:
        """A customer joins."""
        snapshot = self._sessions[session_id]
        person = ParticipantView(
            id="customer-1", role=Role.PRIMARY, name=name, connection=Connection.ONLINE, joined_at=2, **more
        )
        self._change(snapshot, state=SessionState.ACTIVE, participants=(*snapshot.view.participants, person))
        self.emit(Attention(session_id, Happening.JOINED, name))

    def says(self, session_id: str, text: str) -> None:
        """The customer writes."""
        customer = self._sessions[session_id].customer
        assert customer is not None
        line = self._line(session_id, customer.id, customer.name, Role.PRIMARY, text)
        self.emit(Attention(session_id, Happening.CHAT, customer.name, line))

    def shows(self, session_id: str, picture: Picture) -> None:
        """The picture's state changes."""
        changed = replace(self._sessions[session_id], picture=picture)
        self._sessions[session_id] = changed
        self.emit(SessionChanged(changed))

    def _line(self, session_id: str, sender: str, name: str, role: Role, text: str) -> ChatLine:
        snapshot = self._sessions[session_id]
        seq = snapshot.view.seq + 1
        line = ChatLine(id=f"line-{seq}", seq=seq, at=seq, sender=sender, sender_name=name, sender_role=role, text=text)
        self._change(snapshot, seq=seq, chat=(*snapshot.view.chat, line))
        return line


ACCOUNT = AccountView(id="account-1", name="maria", display_name="Maria Georgescu")
"""Who signs in."""
