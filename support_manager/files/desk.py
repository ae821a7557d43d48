"""The files of all sessions: offered, answered, under way and done; what windows want of them, and are told."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from support_manager.errors import AppCode, LocalProblem, Refused, SupportManagerError
from support_manager.events import AppEvent, Attention, Failed, FilesChanged, Happening, SessionSnapshot
from support_manager.files import places
from support_manager.files.book import Done, Entry, FileBook
from support_manager.files.lines import FileLine, FileState
from support_manager.files.moving import Receiver, Sender
from support_manager.files.names import safe_name
from support_manager.files.parts import Access
from support_manager.files.seal import (
    ContentSeal,
    Meta,
    SealError,
    Secret,
    from_text,
    open_meta,
    seal_meta,
    to_text,
)
from support_manager.files.secrets import Secrets
from support_manager.files.thread import FilesThread, on_loop
from support_manager.files.transfer import Transfer
from support_manager.media.engine import MediaEngine, PeerKey
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.channel import FileSecret
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import (
    ActivityAnswer,
    ActivityMade,
    ActivityOffer,
    ActivityUpdate,
    DeviceReport,
    FileOffer,
    FileOpen,
    FileTicket,
    Nothing,
    ParticipantReport,
)
from support_manager.protocol.views import ActivityView, Device, ParticipantView
from support_manager.session.ends import Ends
from support_manager.session.outbox import TRANSIENT, Send
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)

_LOOK_S = 0.25
"""How often windows learn how far the transfers are."""


class FilesDesk:
    """Everything about files in this app.

    Args:
        send: to the relay.
        emit: called with the events for windows.
        folder: the profile folder.
        access: how the relay is reached right now.
        room: where received files go.
        patience_s: how long the first offer to somebody waits for the connection from end to end.
    """

    def __init__(
        self,
        send: Send,
        emit: Callable[[AppEvent], None],
        folder: Path,
        access: Callable[[], Access],
        room: Callable[[], Path],
        patience_s: float = 5.0,
    ) -> None:
        self._send = send
        self._emit = emit
        self._access = access
        self._room = room
        self._book = FileBook(folder)
        self._thread = FilesThread()
        self._tasks = TaskOwner("files", lambda name, _: emit(Failed(AppCode.INTERNAL_APP, {"task": name})))
        self._secrets = Secrets(self._book)
        self._patience_s = patience_s
        self._ends = Ends(send, self._tasks)
        self._sessions: dict[str, SessionSnapshot] = {}
        self._transfers: dict[str, dict[str, Transfer]] = {}
        """Session → transfer → what is known of it."""
        self._reported: set[str] = set()
        self._told: dict[str, tuple[FileLine, ...]] = {}
        self._looking = False

    # --- what is known

    def lines(self, session_id: str) -> tuple[FileLine, ...]:
        """The transfers of a session, the oldest first."""
        return tuple(each.line() for each in self._transfers.get(session_id, {}).values())

    def done(self, session_id: str) -> tuple[Done, ...]:
        """What has arrived in a session, also long after its end."""
        return tuple(each for each in self._book.done if each.session_id == session_id)

    # --- what arrives

    def follow(self, snapshot: SessionSnapshot) -> None:
        """A session is new or has changed."""
        view = snapshot.view
        known = self._sessions.get(view.id)
        self._sessions[view.id] = snapshot
        self._report(snapshot)
        if known is None:
            self._recall(snapshot)
        current = {each.id: each for each in view.activities if each.kind is ActivityKind.FILE}
        for activity in current.values():
            self._take(view.id, activity)
        for transfer in list(self._transfers.get(view.id, {}).values()):
            activity_id = transfer.entry.activity_id
            if activity_id and activity_id not in current and not transfer.settled:
                self._ended(transfer, None)
        self._tell(view.id)

    def take_activity(self, session_id: str, activity: ActivityView) -> None:
        """The relay tells of a file; ends come only this way."""
        if activity.kind is ActivityKind.FILE and session_id in self._sessions:
            self._take(session_id, activity)
            self._tell(session_id)

    def over(self, session_id: str) -> None:
        """A session is over, or goes on without us."""
        for transfer in self._transfers.get(session_id, {}).values():
            if not transfer.settled:
                self._ended(transfer, None)
        self._tell(session_id)
        self._sessions.pop(session_id, None)
        self._reported.discard(session_id)
        self._secrets.keep_only(set(self._sessions))
        self._ends.forget(session_id)
        self._save()

    def went_online(self) -> None:
        """The relay is there and all sessions of ours are known: what waits is done now, what is over is forgotten."""
        self._ends.went_online()
        for session_id, transfers in self._transfers.items():
            for transfer in transfers.values():
                self._go_on(transfer)
                if transfer.held:
                    _ = self._tasks.spawn(self._tell_held(transfer), name="pause")
            self._tell(session_id)
        # A session that ended while this app was away: its partial files, archives and keys are nobody's any more.
        left = [entry for entry in self._book.entries.values() if entry.session_id not in self._sessions]
        for entry in left:
            del self._book.entries[entry.transfer]
            _ = self._tasks.spawn(asyncio.to_thread(places.forget, entry), name="forget")
        self._secrets.keep_only(set(self._sessions))
        if left:
            self._save()

    def reached(self, peer: PeerKey, engine: MediaEngine) -> None:
        """There is a connection from end to end with a participant: tell him our secret over it."""
        snapshot = self._sessions.get(peer.session_id)
        if snapshot is None or not snapshot.has_control:
            return
        engine.say(peer, FileSecret(secret=self._secrets.chosen(peer)))
        self._save()
        for transfer in self._transfers.get(peer.session_id, {}).values():
            if transfer.state is FileState.SEALED and transfer.activity is not None:
                self._take(peer.session_id, transfer.activity)
        self._tell(peer.session_id)

    # --- what windows want

    async def offer(self, session_id: str, paths: Sequence[Path]) -> None:
        """Offer files, and folders as archives, to the primary customer.

        Raises:
            LocalProblem: `file_gone`, `file_nobody`, `file_not_there`; Refused: the relay's reasons.
        """
        snapshot = self._session(session_id)
        customer = snapshot.customer
        if customer is None:
            raise LocalProblem(AppCode.FILE_NOBODY)
        if not customer.device.file_key:
            raise LocalProblem(AppCode.FILE_NOT_THERE)
        for path in paths:
            await self._offer_one(session_id, customer, path)

    async def accept(self, session_id: str, file_id: str) -> None:
        """Take a file that is offered.

        Raises:
            LocalProblem: `file_folder`, `file_no_room`.
        """
        transfer = self._find(session_id, file_id)
        if transfer.state is not FileState.OFFERED:
            return
        folder = self._room()
        entry = transfer.entry
        await asyncio.to_thread(places.prepare, folder, entry.size)
        entry.folder = str(folder)
        entry.path = str(folder / f".{entry.transfer}.part")
        await self._book.save()  # before anything comes: whoever crashes then still knows where it goes
        answer = ActivityAnswer(session_id=session_id, activity_id=entry.activity_id, accept=True)
        await self._send(answer, Nothing)

    async def decline(self, session_id: str, file_id: str) -> None:
        """Do not take it."""
        entry = self._find(session_id, file_id).entry
        answer = ActivityAnswer(session_id=session_id, activity_id=entry.activity_id, accept=False)
        await self._send(answer, Nothing)

    async def pause(self, session_id: str, file_id: str, paused: bool) -> None:
        """Halt a transfer, or let it go on; it halts here first, and stays halted until the relay knows."""
        transfer = self._find(session_id, file_id)
        if not paused:
            if transfer.held:
                transfer.held = False
                if transfer.activity is not None:
                    self._take(session_id, transfer.activity)
                self._tell(session_id)
            update = ActivityUpdate(session_id=session_id, activity_id=transfer.entry.activity_id, paused=False)
            await self._send(update, Nothing)
            return
        if transfer.state is not FileState.RUNNING:
            return
        transfer.held, transfer.state = True, FileState.PAUSED
        await transfer.halt()
        self._tell(session_id)
        await self._tell_held(transfer)

    async def _tell_held(self, transfer: Transfer) -> None:
        entry = transfer.entry
        update = ActivityUpdate(session_id=entry.session_id, activity_id=entry.activity_id, paused=True)
        try:
            await self._send(update, Nothing)
        except Refused as refusal:
            if refusal.code in TRANSIENT:
                return
            log.info("pause not taken", code=str(refusal.code))
        except SupportManagerError:
            return  # it is told when the relay is back
        transfer.held = False

    async def cancel(self, session_id: str, file_id: str) -> None:
        """Stop a transfer for good; it stops here first, also while the relay is away."""
        transfer = self._find(session_id, file_id)
        if transfer.settled:
            return
        transfer.by_me = True
        self._settle(transfer, FileState.STOPPED)
        self._tell(session_id)
        await self._clear(transfer)
        if transfer.entry.activity_id:
            self._ends.tell(session_id, transfer.entry.activity_id, ActivityEnd.STOPPED)

    # --- inside

    def _session(self, session_id: str) -> SessionSnapshot:
        found = self._sessions.get(session_id)
        if found is None:
            raise Refused(ErrorCode.SESSION_UNKNOWN)
        return found

    def _find(self, session_id: str, file_id: str) -> Transfer:
        for transfer in self._transfers.get(session_id, {}).values():
            if transfer.id == file_id:
                return transfer
        raise Refused(ErrorCode.TRANSFER_GONE)

    def _report(self, snapshot: SessionSnapshot) -> None:
        """Say that this app can do files, beside whatever else is known of it."""
        me = snapshot.me
        if me is None or me.device.file_key == self._secrets.public or snapshot.id in self._reported:
            return
        self._reported.add(snapshot.id)
        _ = self._tasks.spawn(self._send_report(snapshot.id, me.device), name="report")

    async def _send_report(self, session_id: str, device: Device) -> None:
        report = DeviceReport(
            screen=device.screen,
            microphone=device.microphone,
            camera=device.camera,
            network=device.network,
            secure=device.secure,
            phone=device.phone,
            browser=device.browser,
            file_key=self._secrets.public,
        )
        try:
            await self._send(ParticipantReport(session_id=session_id, device=report), Nothing)
        except SupportManagerError as error:
            log.info("file key not reported", code=str(error.code))
        finally:
            self._reported.discard(session_id)

    def _recall(self, snapshot: SessionSnapshot) -> None:
        """After a crash of this app: what it was in the middle of."""
        for entry in list(self._book.entries.values()):
            if entry.session_id == snapshot.id and entry.activity_id:
                transfer = Transfer(entry, "", "", FileState.OFFERED if entry.incoming else FileState.WAITING)
                self._transfers.setdefault(snapshot.id, {})[entry.transfer] = transfer

    async def _offer_one(self, session_id: str, customer: ParticipantView, path: Path) -> None:
        transfer_id = to_text(secrets.token_bytes(18))
        # The secret of that connection is the better one, and it may be there in a moment.
        await self._secrets.wait(PeerKey(session_id, customer.id), self._patience_s)
        try:
            secret = self._secrets.best(session_id, customer)
        except SealError:
            raise LocalProblem(AppCode.FILE_NOT_THERE) from None
        source, entry = await asyncio.to_thread(places.source_of, path, session_id, transfer_id)
        entry.secret, entry.weak = to_text(secret.value), secret.weak
        transfer = Transfer(entry, customer.id, customer.name, FileState.WAITING)
        self._transfers.setdefault(session_id, {})[transfer_id] = transfer
        self._book.entries[transfer_id] = entry
        offer = ActivityOffer(
            session_id=session_id,
            request_id=transfer_id,
            kind=ActivityKind.FILE,
            file=FileOffer(
                transfer=transfer_id,
                size=source.size,
                key_id=secret.key_id,
                sealed=seal_meta(secret, transfer_id, Meta(name=entry.name, type=entry.type)),
            ),
        )
        # Before anybody can say yes: on a busy disk a crash would find nothing of what it is in the middle of.
        await self._book.save()
        if transfer.settled:
            return  # cancelled meanwhile
        try:
            made = await self._send(offer, ActivityMade)
        except SupportManagerError:
            if entry.activity_id:
                return  # only the answer was lost: the relay has told of it already, and it stands
            # Should the relay have it all the same, it is taken back as soon as that shows: see `_mine_again`.
            self._transfers.get(session_id, {}).pop(transfer_id, None)
            self._book.entries.pop(transfer_id, None)
            await asyncio.to_thread(places.forget, entry)
            self._save()
            self._tell(session_id)
            if transfer.settled:
                return  # cancelled meanwhile
            raise
        entry.activity_id = made.activity_id
        if transfer.settled:  # cancelled before the relay had answered
            self._ends.tell(session_id, made.activity_id, ActivityEnd.STOPPED)
        self._save()
        self._tell(session_id)

    def _take(self, session_id: str, activity: ActivityView) -> None:
        """What the relay says of one transfer."""
        snapshot = self._sessions[session_id]
        about = activity.file
        if about is None:
            return
        me = snapshot.view.you
        incoming = activity.subject != me
        transfers = self._transfers.setdefault(session_id, {})
        transfer = transfers.get(about.transfer)
        other_id = activity.subject if incoming else next(iter(activity.seen_by), "")
        if transfer is None and not incoming:
            transfer = self._mine_again(session_id, activity, about.transfer)
            if transfer is None:
                return
        if transfer is None:
            if activity.state is ActivityState.ENDED:
                return  # over before we heard of it
            if any(each.transfer == about.transfer and each.incoming for each in self._book.done):
                # It is here since an earlier run of this app, which could not say so any more.
                self._ends.tell(session_id, activity.id, ActivityEnd.FINISHED)
                return
            entry = Entry(
                transfer=about.transfer,
                session_id=session_id,
                incoming=True,
                size=about.size,
                activity_id=activity.id,
            )
            transfer = transfers[about.transfer] = Transfer(entry, other_id, "", FileState.SEALED)
        if transfer.settled and not incoming and not transfer.entry.activity_id:
            transfer.entry.activity_id = activity.id
            if activity.state is not ActivityState.ENDED:  # cancelled before the relay told of it
                self._ends.tell(session_id, activity.id, ActivityEnd.STOPPED)
        if transfer.settled or (incoming and transfer.entry.activity_id != activity.id):
            return  # the same transfer twice is a relay's trick
        transfer.activity = activity
        transfer.entry.activity_id = activity.id
        person = next((each for each in snapshot.view.participants if each.id == other_id), None)
        if person is not None:
            transfer.other_id, transfer.other = person.id, person.name
        if activity.state is ActivityState.ENDED:
            self._ended(transfer, activity)
            return
        if incoming and not transfer.entry.secret and person is not None:
            self._unseal(transfer, person)
        if activity.state is ActivityState.ASKED:
            if not incoming:
                transfer.state = FileState.WAITING
            elif transfer.entry.secret and transfer.state is FileState.SEALED:
                transfer.state = FileState.OFFERED
                self._emit(Attention(session_id, Happening.FILE_OFFERED, transfer.other))
            return
        if activity.paused or transfer.held:
            transfer.state = FileState.PAUSED
            if transfer.task is not None:
                transfer.task.cancel()
        else:
            transfer.state = FileState.RUNNING
            self._go_on(transfer)

    def _mine_again(self, session_id: str, activity: ActivityView, transfer_id: str) -> Transfer | None:
        """A file of this rep's that this run of the app has not offered: an earlier one crashed before its answer came.

        Nobody else can go on with one that is not in the book: the customer need not wait for it.
        """
        if activity.state is ActivityState.ENDED:
            return None
        entry = self._book.entries.get(transfer_id)
        if entry is None or entry.incoming or entry.session_id != session_id:
            self._ends.tell(session_id, activity.id, ActivityEnd.FAILED)
            return None
        transfer = Transfer(entry, "", "", FileState.WAITING)
        self._transfers.setdefault(session_id, {})[transfer_id] = transfer
        return transfer

    def _unseal(self, transfer: Transfer, person: ParticipantView) -> None:
        entry = transfer.entry
        about = None if transfer.activity is None else transfer.activity.file
        if about is None:
            return
        try:
            secret = self._secrets.called(entry.session_id, person, about.key_id)
            if secret is None:
                return  # it may come in a moment, with the connection
            meta = open_meta(secret, about.transfer, about.sealed)
        except SealError as error:
            log.warning("an offered file cannot be read", reason=str(error))
            return
        entry.name, entry.type = safe_name(meta.name), meta.type
        entry.secret, entry.weak = to_text(secret.value), secret.weak
        self._book.entries[entry.transfer] = entry

    # --- moving

    def _go_on(self, transfer: Transfer) -> None:
        """See to it that a running transfer moves."""
        entry = transfer.entry
        if transfer.settled or transfer.state is not FileState.RUNNING or transfer.is_moving or not entry.secret:
            return
        transfer.code = None
        transfer.samples = []
        transfer.task = self._tasks.spawn(self._move(transfer), name=f"transfer {entry.transfer}")
        # Paused and gone on with in one breath: it can go on only once the pause has come to its end.
        transfer.task.add_done_callback(lambda task: self._go_on(transfer) if task.cancelled() else None)
        if not self._looking:
            self._looking = True
            _ = self._tasks.spawn(self._look(), name="look")

    async def _move(self, transfer: Transfer) -> None:
        entry = transfer.entry
        loop = asyncio.get_running_loop()

        async def ticket() -> FileTicket:
            ask = FileOpen(session_id=entry.session_id, activity_id=entry.activity_id)

            async def asked() -> FileTicket:
                return await self._send(ask, FileTicket)

            return await on_loop(loop, asked())

        secret = Secret(from_text(entry.secret), entry.weak)
        seal = ContentSeal(secret, entry.transfer, entry.size)
        try:
            if entry.incoming:
                receiver = Receiver(Path(entry.path), entry.size, seal, transfer.progress)
                await self._thread.run(receiver.run(self._access, ticket))
                await self._arrived(transfer)
            else:
                source = await asyncio.to_thread(places.reopen, entry)
                await self._thread.run(Sender(source, seal, transfer.progress).run(self._access, ticket))
        except Refused as refusal:
            log.info("file transfer is over", code=str(refusal.code))
        except (LocalProblem, SupportManagerError) as problem:
            transfer.code = problem.code
            if problem.code is AppCode.FILE_DIVERTED and not transfer.settled:
                # The rep signs in to that network, and goes on with it.
                transfer.held, transfer.state = True, FileState.PAUSED
                _ = self._tasks.spawn(self._tell_held(transfer), name="pause")
            else:
                await self._give_up(transfer)
        self._tell(entry.session_id)

    async def _arrived(self, transfer: Transfer) -> None:
        """Give the checked file its name, then say that it is here."""
        entry = transfer.entry
        transfer.progress.path = await asyncio.to_thread(places.settle, entry)
        self._settle(transfer, FileState.DONE)
        self._emit(Attention(entry.session_id, Happening.FILE_ARRIVED, transfer.other))
        self._ends.tell(entry.session_id, entry.activity_id, ActivityEnd.FINISHED)

    async def _give_up(self, transfer: Transfer) -> None:
        """Something at this end stands in the way: it is over, and the other end is told."""
        transfer.by_me = True
        entry = transfer.entry
        self._settle(transfer, FileState.FAILED)
        await asyncio.to_thread(places.forget, entry)
        self._tell(entry.session_id)
        self._ends.tell(entry.session_id, entry.activity_id, ActivityEnd.FAILED)

    def _ended(self, transfer: Transfer, activity: ActivityView | None) -> None:
        """The relay says that it is over."""
        end = transfer.end = activity.end if activity is not None else None
        mine = activity is not None and activity.ended_by == self._sessions[transfer.entry.session_id].view.you
        transfer.by_me = transfer.by_me or mine
        if end is ActivityEnd.FINISHED and not transfer.entry.incoming:
            self._settle(transfer, FileState.DONE)
        elif end is ActivityEnd.DENIED:
            self._settle(transfer, FileState.DECLINED)
        elif end is ActivityEnd.FAILED:
            self._settle(transfer, FileState.FAILED)
        else:
            self._settle(transfer, FileState.STOPPED)
        if transfer.state is not FileState.DONE:
            _ = self._tasks.spawn(self._clear(transfer), name="clear")

    async def _clear(self, transfer: Transfer) -> None:
        await transfer.halt()
        await asyncio.to_thread(places.forget, transfer.entry)

    def _settle(self, transfer: Transfer, state: FileState) -> None:
        entry = transfer.entry
        transfer.state, transfer.settled = state, True
        self._book.entries.pop(entry.transfer, None)
        if state is FileState.DONE:
            transfer.progress.done = entry.size
            self._book.done.append(transfer.done(time.time_ns() // 1_000_000))
            if not entry.incoming and entry.spool:
                _ = self._tasks.spawn(asyncio.to_thread(places.forget, entry), name="clear")
        entry.secret = ""
        self._save()

    async def _look(self) -> None:
        """While something moves, tell how far it is."""
        try:
            while any(each.state is FileState.RUNNING for one in self._transfers.values() for each in one.values()):
                now = time.monotonic()
                for session_id, transfers in self._transfers.items():
                    for transfer in transfers.values():
                        if transfer.state is FileState.RUNNING:
                            transfer.sample(now)
                    self._tell(session_id)
                await asyncio.sleep(_LOOK_S)
        finally:
            self._looking = False

    def _tell(self, session_id: str) -> None:
        lines = self.lines(session_id)
        if lines != self._told.get(session_id, ()):
            self._told[session_id] = lines
            self._emit(FilesChanged(session_id, lines))

    def _save(self) -> None:
        try:
            _ = self._tasks.spawn(self._book.save(), name="save")
        except RuntimeError:
            log.debug("the book of files is closed")

    async def clear(self) -> None:
        """Another account, or none: stop what moves; it is taken up again when the session is."""
        await self._halt_all()
        self._transfers.clear()
        self._sessions.clear()
        self._told.clear()

    async def _halt_all(self) -> None:
        moving = [each for one in self._transfers.values() for each in one.values()]
        for transfer in moving:
            transfer.settled = True  # at this desk; the book keeps it
        await asyncio.gather(*(transfer.halt() for transfer in moving))

    async def aclose(self) -> None:
        """Stop everything; what is under way is taken up at the next start."""
        await self._halt_all()
        await self._book.save()
        await self._tasks.aclose(1.0)
        await self._thread.aclose()
