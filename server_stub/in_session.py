"""What members do inside a session: ending, leaving, activities, signalling, ICE servers."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from server_stub.file_room import FileRoom, Holding
from server_stub.link import Link
from server_stub.live import packet_of
from server_stub.members import Members
from server_stub.ports import RandomBytes
from server_stub.state import activities, decide, files, leaving, tokens
from server_stub.state.decide import Moment, authorise
from server_stub.state.facts import ActivitySet, Fact
from server_stub.state.model import Participant, Session
from server_stub.state.refused import Refused
from server_stub.store.journal import JournalFailed
from support_manager.protocol import events, requests
from support_manager.protocol.activities import ActivityKind
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.fields import Wire
from support_manager.protocol.requests import Nothing
from support_manager.protocol.views import Connection, EndReason, IceServers, LeaveReason

_NOTHING = Nothing()


class InSession:
    """Carries out the requests of members.

    Args:
        members: the sessions.
        room: for files, on the relay's disk.
        random: unpredictable bytes.
    """

    def __init__(self, members: Members, room: FileRoom, random: RandomBytes) -> None:
        self._members = members
        self._room = room
        self._random = random

    def handlers(self) -> Mapping[str, Callable[[Link, Any], Awaitable[Wire]]]:
        """Event → who carries it out."""
        return {
            "session.end": self._on_session_end,
            "session.leave": self._on_session_leave,
            "page.closing": self._on_page_closing,
            "participant.report": self._on_participant_report,
            "activity.ask": self._on_activity_ask,
            "activity.offer": self._on_activity_offer,
            "activity.answer": self._on_activity_answer,
            "activity.update": self._on_activity_update,
            "activity.stop": self._on_activity_stop,
            "signal.send": self._on_signal_send,
            "ice.get": self._on_ice_get,
        }

    async def _on_session_end(self, link: Link, request: requests.SessionEnd) -> Nothing:
        await self._members.change(
            link, "session.end", request, lambda s, me, m: decide.decide_end(s, EndReason.ENDED_BY_REP, me.id, m)
        )
        return _NOTHING

    async def _on_session_leave(self, link: Link, request: requests.SessionLeave) -> Nothing:
        await self._members.change(
            link, "session.leave", request, lambda s, me, m: leaving.decide_leave(s, me, LeaveReason.LEFT, m)
        )
        return _NOTHING

    async def _on_page_closing(self, link: Link, request: requests.PageClosing) -> Nothing:
        await self._members.change(
            link,
            "page.closing",
            request,
            lambda s, me, m: decide.decide_connection(s, me, Connection.CLOSED_PAGE, m),
        )
        return _NOTHING

    async def _on_participant_report(self, link: Link, request: requests.ParticipantReport) -> Nothing:
        await self._members.change(
            link, "participant.report", request, lambda s, me, m: decide.decide_report(me, request)
        )
        return _NOTHING

    # Activities

    async def _on_activity_ask(self, link: Link, request: requests.ActivityAsk) -> requests.ActivityMade:
        return await self._make_activity(
            link,
            "activity.ask",
            request,
            lambda s, me, m, new: activities.decide_ask(s, me, request, m.now_ms, new),
        )

    async def _on_activity_offer(self, link: Link, request: requests.ActivityOffer) -> requests.ActivityMade:
        return await self._make_activity(
            link,
            "activity.offer",
            request,
            lambda s, me, m, new: self._offer(s, me, request, m, new),
        )

    def _offer(
        self, session: Session, me: Participant, request: requests.ActivityOffer, moment: Moment, activity_id: str
    ) -> list[Fact]:
        if request.kind is ActivityKind.FILE:
            return files.decide_offer(session, me, request, moment.now_ms, activity_id, self._members.file_rules)
        return activities.decide_offer(session, me, request, moment.now_ms, activity_id)

    async def _make_activity(
        self,
        link: Link,
        event: str,
        request: requests.ActivityAsk | requests.ActivityOffer,
        decision: Callable[[Session, Participant, Moment, str], list[Fact]],
    ) -> requests.ActivityMade:
        made: list[str] = []

        def once(session: Session, me: Participant, moment: Moment) -> list[Fact]:
            known = session.requests.get((me.id, request.request_id))
            if known is not None:
                made.append(known)
                return []
            facts = decision(session, me, moment, tokens.new_id(self._random))
            made.extend(fact.activity.id for fact in facts if isinstance(fact, ActivitySet))
            return facts

        await self._members.change(link, event, request, once)
        return requests.ActivityMade(activity_id=made[0])

    async def _on_activity_answer(self, link: Link, request: requests.ActivityAnswer) -> Nothing:
        claimed: list[tuple[str, Holding]] = []

        def decision(session: Session, me: Participant, moment: Moment) -> list[Fact]:
            facts = activities.decide_answer(session, me, request, moment.now_ms)
            begun = (fact.activity for fact in facts if isinstance(fact, ActivitySet) and fact.agreed)
            claimed.extend((each.id, self._room.claim(each)) for each in begun if each.kind is ActivityKind.FILE)
            return facts

        try:
            await self._members.change(link, "activity.answer", request, decision)
        except (Refused, JournalFailed):
            for each in claimed:
                self._room.take_back(*each)
            raise
        return _NOTHING

    async def _on_activity_update(self, link: Link, request: requests.ActivityUpdate) -> Nothing:
        await self._members.change(
            link, "activity.update", request, lambda s, me, m: activities.decide_update(s, me, request, m.now_ms)
        )
        return _NOTHING

    async def _on_activity_stop(self, link: Link, request: requests.ActivityStop) -> Nothing:
        await self._members.change(
            link, "activity.stop", request, lambda s, me, m: activities.decide_stop(s, me, request, m.now_ms)
        )
        return _NOTHING

    # Signals, ICE

    async def _on_signal_send(self, link: Link, request: requests.SignalSend) -> Nothing:
        """Relay a signal; whoever has no connection right now gets none, and the sender is told so."""
        session, me = self._members.of(link, request.session_id)
        authorise("signal.send", me.role, session.state)
        book = self._members.live.book(session)
        book.check(session, me, request.to, request.epoch, request.signal)
        other = self._members.live.link_of(session, request.to)
        if other is None:
            raise Refused(ErrorCode.PARTICIPANT_UNKNOWN)
        signal = events.SignalReceived(session_id=session.id, sender=me.id, epoch=request.epoch, signal=request.signal)
        packet = packet_of("signal", signal)
        book.spend(me.id, request.to, len(packet.encode()), self._members.live.steady_s())
        other.send(packet)
        return _NOTHING

    async def _on_ice_get(self, link: Link, request: requests.IceGet) -> IceServers:
        session, me = self._members.of(link, request.session_id)
        authorise("ice.get", me.role, session.state)
        return self._members.ice(session, me)
