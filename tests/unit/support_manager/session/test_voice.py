"""Asking a customer to talk (B-7.7): the rep is in the call first, and out of it where nobody could be asked."""

from typing import Any

import pytest

from support_manager.errors import Refused
from support_manager.protocol.activities import ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import ActivityAsk, ActivityOffer, ActivityStop
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import ActivityView, Connection, Mode, ParticipantView, SessionView
from support_manager.session.voice import SessionVoice

PEOPLE = tuple(
    ParticipantView(id=name, role=role, name=name, connection=Connection.ONLINE, joined_at=1)
    for name, role in (("maria", Role.CONTROLLER), ("ana", Role.PRIMARY))
)


class Bench:
    """A session's voice, and a relay that says what a test wants of a question."""

    def __init__(self, says: ErrorCode | None = None) -> None:
        self.sent: list[Any] = []
        self.says = says
        self.activities: tuple[ActivityView, ...] = ()
        self.voice = SessionVoice("s1", self._send, self._view, self._engine, lambda: "id")

    def _view(self) -> SessionView:
        return SessionView(
            id="s1", number="1", mode=Mode.MULTI, state=SessionState.ACTIVE, seq=1, started_at=0, you="maria",
            participants=PEOPLE, activities=self.activities,
        )  # fmt: skip

    async def _engine(self) -> Any:
        raise Refused(ErrorCode.NOT_SUPPORTED)

    async def _send(self, message: Any, reply: type[Any], *, timeout_s: float = 1.0) -> Any:
        self.sent.append(message)
        if isinstance(message, ActivityOffer):
            mine = ActivityView(
                id="v1", kind=ActivityKind.VOICE, state=ActivityState.RUNNING, asked_by="maria", subject="maria"
            )
            self.activities = (*self.activities, mine)
        if isinstance(message, ActivityAsk) and self.says is not None:
            raise Refused(self.says)
        return None

    @property
    def kinds(self) -> list[type]:
        return [type(each) for each in self.sent]


@pytest.mark.rule("B-7.7")
async def test_the_rep_is_in_the_call_before_anybody_can_say_no() -> None:
    bench = Bench()
    await bench.voice.ask()
    assert bench.kinds == [ActivityOffer, ActivityAsk]
    await bench.voice.aclose()


@pytest.mark.rule("B-7.7")
async def test_a_customer_who_joined_by_himself_meanwhile_is_no_refusal() -> None:
    bench = Bench(ErrorCode.ACTIVITY_BUSY)
    await bench.voice.ask()
    assert ActivityStop not in bench.kinds, "both are in the call"
    await bench.voice.aclose()


@pytest.mark.rule("B-7.7")
async def test_nobody_stays_alone_in_a_call_to_which_nobody_could_be_asked() -> None:
    bench = Bench(ErrorCode.NOT_SUPPORTED)
    with pytest.raises(Refused):
        await bench.voice.ask()
    assert bench.kinds == [ActivityOffer, ActivityAsk, ActivityStop]
    await bench.voice.aclose()
