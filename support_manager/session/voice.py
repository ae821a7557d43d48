"""The voice call of one session as this app takes part in it: asking, joining, leaving, and who is mixed with whom."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from support_manager.errors import Refused, RelayUnavailable, SupportManagerError
from support_manager.media.engine import MediaEngine, PeerKey
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.calls import call_of, voices
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import (
    ActivityAnswer,
    ActivityAsk,
    ActivityMade,
    ActivityOffer,
    ActivityStop,
    ActivityUpdate,
    DeviceReport,
    Nothing,
    ParticipantReport,
)
from support_manager.protocol.roles import Role
from support_manager.protocol.views import ActivityView, Capability, SessionView
from support_manager.session.outbox import Send
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)

OVERLAP_S = 10.0
"""How long the sound may go the old ways after the centre has moved; the engine closes them then."""


@dataclass(slots=True)
class AudioWishes:
    """What the rep wants of his devices, in whatever call he is; an engine that is new is told."""

    muted: bool = False
    devices: tuple[str, str] = ("", "")
    """Ids of the microphone and of the speaker."""

    def tell(self, engine: MediaEngine) -> None:
        """Have the engine do so."""
        engine.set_muted(self.muted)
        engine.use_audio(*self.devices)


class SessionVoice:
    """What this app does about the call of one session.

    Args:
        session_id: of the session.
        send: to the relay.
        view: gives the session as it is known now.
        engine: gives the media engine, starting it at the first call.
        new_id: makes an idempotency key.
        shut: lets nothing of this microphone be heard.
    """

    def __init__(
        self,
        session_id: str,
        send: Send,
        view: Callable[[], SessionView],
        engine: Callable[[], Awaitable[MediaEngine]],
        new_id: Callable[[], str],
        shut: Callable[[], None],
    ) -> None:
        self._id = session_id
        self._send = send
        self._view = view
        self._engine_of = engine
        self._new_id = new_id
        self._shut = shut
        self._tasks = TaskOwner(f"voice-{session_id}")
        self._told: tuple[frozenset[str], bool] = (frozenset(), False)
        self._passing: frozenset[str] = frozenset()
        self._passing_hub: str | None = None
        """With whom this app stays connected for the sound while everybody moves to another centre."""
        self._mixes_on = False
        """Whether it was the centre before, and mixes for those who have not moved yet."""
        self._hung_up = ""
        """Our own activity that is over here, whatever the relay still thinks of it."""
        self._muted: bool | None = None
        """What the others were to see of us last."""
        self._telling = asyncio.Lock()
        self._told_muted = ("", False)
        """What the relay has confirmed of that, for which of our activities; the view says so only some time later."""

    @property
    def is_in(self) -> bool:
        """Whether this app is in the call."""
        return self._told[1]

    def went_online(self) -> None:
        """The session is bound to the relay: say that this app has voice, on which it depends whether a call goes on
        when its rep gets control (B-9.5)."""
        self._told_muted = ("", False)  # the view is the relay's own word now, whoever spoke for us meanwhile
        _ = self._tasks.spawn(self._report(), name="report")

    async def _report(self) -> None:
        device = DeviceReport(microphone=Capability.YES)
        try:
            await self._send(ParticipantReport(session_id=self._id, device=device), Nothing)
            await self._tell_hung_up()
            if self._muted is not None:
                await self.tell_muted(self._muted)  # what was told while the relay was away did not come
        except SupportManagerError as error:
            log.info("voice not reported", session=self._id, code=str(error.code))

    async def _tell_hung_up(self) -> None:
        """What was hung up while the relay was away is told now."""
        for voice in voices(self._view()):
            if voice.id == self._hung_up:
                await self._stop(voice)

    # --- what the rep wants

    async def ask(self, participant_id: str | None = None) -> None:
        """Join, and ask somebody to join too; None: the primary customer.

        Raises:
            Refused: `participant_unknown` while there is nobody to ask, `not_supported`, `activity_busy`.
        """
        view = self._view()
        if participant_id is None:
            primary = next((each for each in view.participants if each.role is Role.PRIMARY), None)
            if primary is None:
                raise Refused(ErrorCode.PARTICIPANT_UNKNOWN)
            participant_id = primary.id
        call = call_of(view)
        begins = view.you not in call.speaking
        if begins:
            # First: whoever is asked and says no at once must find us in the call, or nobody puts us out of it.
            await self._offer()
        if participant_id in call.speaking + call.asked:
            return
        message = ActivityAsk(
            session_id=self._id, request_id=self._new_id(), kind=ActivityKind.VOICE, subject=participant_id
        )
        try:
            await self._send(message, ActivityMade)
        except SupportManagerError as error:
            if error.code is ErrorCode.ACTIVITY_BUSY:
                return  # he saw us in the call and has joined it by himself meanwhile
            if begins and not call.speaking:
                await self.leave()
            raise

    async def join(self) -> None:
        """Join the call that runs, or to which we are asked; being in it already is no error."""
        view = self._view()
        mine = next((each for each in voices(view) if each.subject == view.you), None)
        if mine is not None and mine.state is ActivityState.RUNNING:
            if mine.id != self._hung_up:
                return
            await self._stop(mine)  # over here for some time; the relay does not know it yet
            mine = None
        if mine is None:
            await self._offer()
        else:
            await self._send(ActivityAnswer(session_id=self._id, activity_id=mine.id, accept=True), Nothing)

    async def _offer(self) -> None:
        message = ActivityOffer(session_id=self._id, request_id=self._new_id(), kind=ActivityKind.VOICE)
        await self._send(message, ActivityMade)

    async def leave(self) -> None:
        """Hang up, or say no: here at once, then the relay is told."""
        view = self._view()
        mine = next((each for each in voices(view) if each.subject == view.you), None)
        if mine is not None:
            self._hung_up = mine.id
            self.follow(is_hub=self._is_hub, hub_id=self._hub_id)
            try:
                await self._stop(mine)
            except RelayUnavailable:
                log.info("hung up without the relay, told later", session=self._id)

    async def end(self) -> None:
        """End the call for everybody; only the controller may."""
        await self.leave()
        for voice in voices(self._view()):
            await self._stop(voice)

    async def put_out(self, participant_id: str) -> None:
        """End one person's part in the call, or take the question back."""
        for voice in voices(self._view()):
            if voice.subject == participant_id:
                await self._stop(voice)

    async def tell_muted(self, muted: bool) -> None:
        """Let the others see that nothing is to be heard of us for now."""
        self._muted = muted
        async with self._telling:  # one at a time, and whoever had to wait tells what holds by then
            view, muted = self._view(), self._muted
            mine = next((each for each in voices(view) if each.subject == view.you), None)
            if mine is None or mine.state is not ActivityState.RUNNING:
                return
            told, known = self._told_muted
            if muted is not (known if told == mine.id else mine.paused):
                self._told_muted = ("", False)
                await self._send(ActivityUpdate(session_id=self._id, activity_id=mine.id, paused=muted), Nothing)
                self._told_muted = (mine.id, muted)

    async def _stop(self, voice: ActivityView) -> None:
        message = ActivityStop(session_id=self._id, activity_id=voice.id, reason=ActivityEnd.STOPPED)
        try:
            await self._send(message, Nothing)
        except Refused as refusal:
            if refusal.code is not ErrorCode.ACTIVITY_UNKNOWN:  # it ended in the same moment
                raise

    # --- what follows from it

    _is_hub = False
    _hub_id: str | None = None

    def follow(self, *, is_hub: bool, hub_id: str | None) -> None:
        """Have the engine mix whoever is in the call now.

        Args:
            is_hub: whether this app is the centre.
            hub_id: who is, if it is somebody else.
        """
        view = self._view()
        former, self._is_hub, self._hub_id = (self._is_hub, self._hub_id), is_hub, hub_id
        if (is_hub, hub_id) != former:
            self._pass_from(*former)
        own = {each.id for each in voices(view) if each.subject == view.you and each.state is ActivityState.RUNNING}
        here = bool(own - {self._hung_up})
        call = call_of(view)
        if here and self._muted is None and view.you in call.muted:
            self._shut()  # muted before a crash, or in another app: whoever comes back is heard after a click only
        speaking = frozenset(call.speaking) - {view.you}
        # Who left the call, or was put out of it, is heard no longer on the old ways either.
        stay = speaking | {self._passing_hub}
        passing = self._passing & stay if speaking or here else frozenset()
        if is_hub:
            speaking |= passing
        elif here or (passing and self._mixes_on):
            speaking = passing | ({hub_id} if hub_id is not None else frozenset())
        else:
            speaking = frozenset()
        if (speaking, here) != self._told:
            self._told = (speaking, here)
            _ = self._tasks.spawn(self._tell_engine(), name="mix")

    def _pass_from(self, was_hub: bool, hub_id: str | None) -> None:
        """The centre moves: for a while the sound also goes the old ways (B-9.5).

        From nobody it moves, too: control is on its way for a moment. What goes the old ways goes on then.
        """
        if not was_hub and hub_id is None:
            return
        self._mixes_on = was_hub
        self._passing_hub = hub_id
        self._passing = self._told[0] if was_hub else frozenset({hub_id} if hub_id is not None else ())
        if self._passing:
            _ = self._tasks.spawn(self._passed(self._passing), name="passing")

    async def _passed(self, passing: frozenset[str]) -> None:
        await asyncio.sleep(OVERLAP_S)
        if self._passing is passing:
            self._passing = frozenset()
            self.follow(is_hub=self._is_hub, hub_id=self._hub_id)

    def engine_failed(self) -> None:
        """The engine is gone, and with it what it was told."""
        self._told = (frozenset(), False)
        self._passing = frozenset()

    async def _tell_engine(self) -> None:
        try:
            engine = await self._engine_of()
        except SupportManagerError as error:
            log.warning("no voice without the media engine", session=self._id, code=str(error.code))
            return
        people, here = self._told
        engine.set_call(self._id, [PeerKey(self._id, each) for each in people], here=here)

    async def aclose(self) -> None:
        """Be in no call any more."""
        await self._tasks.aclose(0.5)
