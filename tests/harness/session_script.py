"""Sessions as a test wants them, and intents that a test plays: for windows without a relay."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import msgspec

from support_manager.errors import Refused, SupportManagerError
from support_manager.events import (
    AppEvent,
    Attention,
    Happening,
    Link,
    LinkChanged,
    PendingLine,
    Picture,
    PictureStats,
    SessionChanged,
    SessionClosed,
    SessionOpened,
    SessionSnapshot,
)
from support_manager.intents import Invitation
from support_manager.invitations import build_invitation
from support_manager.media.mailbox import FrameMailbox
from support_manager.protocol.activities import ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import (
    AccountView,
    ActivityView,
    Audience,
    Capability,
    ChatLine,
    Connection,
    Device,
    EndReason,
    Mode,
    ParticipantView,
    SessionView,
)
from support_manager.settings import Settings
from tests.harness.fake_files import FakeFiles
from tests.harness.fake_people import FakePeople
from tests.harness.fake_recordings import FakeRecordings

REP = ParticipantView(id="rep", role=Role.CONTROLLER, name="Maria Grigore", connection=Connection.ONLINE, joined_at=1)
DEVICE = Device(
    screen=Capability.YES,
    microphone=Capability.YES,
    camera=Capability.NO,
    network=Capability.YES,
    secure=Capability.YES,
    browser="Chromium 156 on Windows",
)


def now_ms() -> int:
    return int(time.time() * 1000)


def person(name: str, **changes: object) -> ParticipantView:
    found = ParticipantView(
        id="ana", role=Role.PRIMARY, name=name, connection=Connection.ONLINE, joined_at=now_ms(), device=DEVICE
    )
    return msgspec.structs.replace(found, **changes)


def line(text: str, *, sender: str = "ana", name: str = "Ana Popescu", at: int = 0, id: str = "") -> ChatLine:  # noqa: A002
    role = Role.CONTROLLER if sender == "rep" else Role.PRIMARY
    at = at or now_ms()
    return ChatLine(
        id=id or f"l{abs(hash((text, at))):x}",
        seq=1,
        at=at,
        sender=sender,
        sender_name=name,
        sender_role=role,
        text=text,
    )


class ScriptedIntents(FakeRecordings, FakePeople, FakeFiles):
    """Plays the controller: keeps sessions, records what was asked, sends the events that a test scripts."""

    def __init__(self, **settings: object) -> None:
        FakeFiles.__init__(self)
        self.settings = Settings(relay_url="https://support.example.com", **settings)  # type: ignore[arg-type]
        self.account: AccountView | None = AccountView(id="a1", name="maria", display_name="Maria Grigore")
        self.link = Link.ONLINE
        self.relay_url = "https://support.example.com"
        self.sessions: dict[str, SessionSnapshot] = {}
        self.asked: list[tuple[object, ...]] = []
        self.error: SupportManagerError | None = None
        self.mailboxes: dict[str, FrameMailbox] = {}
        self._listeners: list[Callable[[AppEvent], None]] = []
        self._count = 0

    def subscribe(self, listener: Callable[[AppEvent], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def emit(self, event: AppEvent) -> None:
        for listener in list(self._listeners):
            listener(event)

    # -- what a test scripts

    def open(self, number: str = "482119903", *, recovered: bool = False, **view: object) -> SessionSnapshot:
        self._count += 1
        session_id = f"s{self._count}"
        made = SessionView(
            id=session_id,
            number=number,
            mode=Mode.MULTI,
            state=SessionState.WAITING,
            seq=1,
            started_at=now_ms(),
            you="rep",
            participants=(REP,),
            link=f"https://support.example.com/join#{'tKq8vZ' * 7}",
        )
        snapshot = SessionSnapshot(msgspec.structs.replace(made, **view))
        self.sessions[session_id] = snapshot
        self.emit(SessionOpened(snapshot, recovered=recovered))
        return snapshot

    def change(self, session_id: str, *, view: Mapping[str, object] | None = None, **changes: object) -> None:
        old = self.sessions[session_id]
        snapshot = replace(old, view=msgspec.structs.replace(old.view, **(view or {})), **changes)  # type: ignore[arg-type]
        self.sessions[session_id] = snapshot
        self.emit(SessionChanged(snapshot))

    def join(self, session_id: str, name: str = "Ana Popescu", **changes: object) -> None:
        people = (REP, person(name, **changes))
        self.change(session_id, view={"participants": people, "state": SessionState.ACTIVE})
        self.emit(Attention(session_id, Happening.JOINED, name))

    def customer(self, session_id: str, **changes: object) -> None:
        people = tuple(
            msgspec.structs.replace(one, **changes) if one.role is Role.PRIMARY else one
            for one in self.sessions[session_id].view.participants
        )
        self.change(session_id, view={"participants": people})

    def picture(self, session_id: str, picture: Picture, since_s: float = 0) -> None:
        share = None
        if picture is not Picture.NONE:
            state = ActivityState.ASKED if picture is Picture.ASKED else ActivityState.RUNNING
            at = now_ms() - int(since_s * 1000)
            share = ActivityView(
                id="v1", kind=ActivityKind.VIEW, state=state, asked_by="rep", subject="ana", changed_at=at
            )
        self.change(session_id, picture=picture, share=share)

    def say(self, session_id: str, *lines: ChatLine) -> None:
        chat = self.sessions[session_id].view.chat + lines
        self.change(session_id, view={"chat": chat})
        for one in lines:
            if one.sender != "rep":
                self.emit(Attention(session_id, Happening.CHAT, one.sender_name, one))

    def notice(self, session_id: str, what: Happening, name: str = "Ana Popescu") -> None:
        self.emit(Attention(session_id, what, name))

    def figures(self, session_id: str, **changes: object) -> None:
        stats = PictureStats(session_id, fps=30, age_ms=41, kilobytes_per_s=210, width=1920, height=1080)
        self.emit(replace(stats, **changes))  # type: ignore[arg-type]

    def end(self, session_id: str, reason: EndReason = EndReason.ENDED_BY_REP) -> None:
        snapshot = self.sessions.pop(session_id)
        ended = msgspec.structs.replace(snapshot.view, state=SessionState.ENDED, end_reason=reason)
        self.emit(SessionClosed(replace(snapshot, view=ended, picture=Picture.NONE, share=None), reason))

    def set_link(self, link: Link, retry_in_s: float = 0) -> None:
        self.link = link
        self.emit(LinkChanged(link, retry_in_s=retry_in_s))

    # -- the intents

    def _ask(self, *what: object) -> None:
        self.asked.append(what)
        if self.error is not None:
            raise self.error

    async def start(self) -> None:
        self._ask("start")

    async def sign_in(self, relay_url: str, name: str, password: str, *, stay: bool) -> AccountView:
        raise NotImplementedError

    async def accept_certificate(self, relay_url: str, fingerprint: str) -> None:
        raise NotImplementedError

    async def sign_out(self) -> None:
        self._ask("sign_out")

    async def start_session(self, mode: Mode | None = None, tracking_code: str = "") -> SessionSnapshot:
        self._ask("start_session", mode, tracking_code)
        return self.open(tracking_code=tracking_code)

    async def end_session(self, session_id: str) -> None:
        self._ask("end_session", session_id)
        self.end(session_id)

    async def ask_view(self, session_id: str) -> None:
        self._ask("ask_view", session_id)
        self.picture(session_id, Picture.ASKED)

    async def stop_view(self, session_id: str) -> None:
        self._ask("stop_view", session_id)
        self.picture(session_id, Picture.NONE)

    async def send_chat(self, session_id: str, text: str, audience: Audience = Audience.ALL) -> None:
        self._ask("send_chat", session_id, text)
        pending = (*self.sessions[session_id].pending, PendingLine(f"p{len(self.asked)}", text))
        self.change(session_id, pending=pending)

    async def retry_chat(self, session_id: str, line_id: str) -> None:
        self._ask("retry_chat", session_id, line_id)
        pending = tuple(
            PendingLine(one.id, one.text) if one.id == line_id else one for one in self._get(session_id).pending
        )
        self.change(session_id, pending=pending)

    def _get(self, session_id: str) -> SessionSnapshot:
        if session_id not in self.sessions:
            raise Refused(ErrorCode.SESSION_UNKNOWN)
        return self.sessions[session_id]

    async def change_settings(self, **changes: object) -> Settings:
        self._ask("change_settings", changes)
        self.settings = msgspec.structs.replace(self.settings, **changes)
        return self.settings

    def invitation(self, session_id: str, locale: str, address: str = "", *, to_rep: bool = False) -> Invitation:
        if session_id not in self.sessions:
            raise Refused(ErrorCode.SESSION_UNKNOWN)
        return build_invitation(
            self.sessions[session_id].view,
            locale=locale,
            rep="Maria Grigore",
            company="Example",
            site="https://support.example.com",
            address=address,
            to_rep=to_rep,
        )

    def set_visible(self, session_id: str, visible: bool) -> None:
        self.asked.append(("set_visible", session_id, visible))

    def mailbox(self, session_id: str) -> FrameMailbox | None:
        return self.mailboxes.get(session_id)

    def open_link(self, url: str) -> None:
        self._ask("open_link", url)

    async def aclose(self) -> None:
        self._ask("aclose")
