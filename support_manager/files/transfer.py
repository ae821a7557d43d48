"""One transfer as the app knows it, and how windows show it."""

import asyncio
from dataclasses import dataclass, field

from support_manager.errors import AppCode
from support_manager.files.book import Done, Entry
from support_manager.files.lines import FileLine, FileState
from support_manager.files.moving import Progress
from support_manager.protocol.activities import ActivityEnd
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.views import ActivityView

_RATE_S = 3.0


@dataclass(slots=True)
class Transfer:
    """One transfer, as this app knows it."""

    entry: Entry
    other_id: str
    other: str
    state: FileState
    activity: ActivityView | None = None
    progress: Progress = field(default_factory=Progress)
    task: asyncio.Task[None] | None = None
    code: ErrorCode | AppCode | None = None
    by_me: bool = False
    end: ActivityEnd | None = None
    samples: list[tuple[float, int]] = field(default_factory=list)
    settled: bool = False
    """Whether it is over at this end and nothing is to be done any more."""
    held: bool = False
    """Whether this rep paused it and the relay does not know that yet."""

    @property
    def id(self) -> str:
        """What intents name."""
        return self.entry.activity_id or self.entry.transfer

    @property
    def is_moving(self) -> bool:
        """Whether something carries its content right now."""
        return self.task is not None and not self.task.done()

    def sample(self, now: float) -> None:
        """Note how far it is; `now` in seconds."""
        self.samples = [*(one for one in self.samples if now - one[0] < _RATE_S), (now, self.progress.done)]

    def rate(self) -> float:
        """Bytes a second, over the last seconds."""
        if self.state is not FileState.RUNNING or len(self.samples) < 2:
            return 0.0
        (began, at_first), (now, at_last) = self.samples[0], self.samples[-1]
        return max(0.0, (at_last - at_first) / (now - began)) if now > began else 0.0

    async def halt(self) -> None:
        """Stop moving it, and wait until nothing of it moves; the state is set before."""
        if self.task is not None and not self.task.done():
            self.task.cancel()
            await asyncio.wait([self.task])

    def line(self) -> FileLine:
        """As windows show it."""
        entry = self.entry
        return FileLine(
            id=self.id,
            session_id=entry.session_id,
            incoming=entry.incoming,
            name=entry.name,
            size=entry.size,
            state=self.state,
            other=self.other,
            weak=entry.weak,
            done=self.progress.done,
            rate=self.rate(),
            digest=self.progress.digest if self.state is FileState.DONE else "",
            path=self.progress.path,
            code=self.code,
            by_me=self.by_me,
            end=self.end,
        )

    def done(self, at_ms: int) -> Done:
        """As it is remembered once it has arrived."""
        entry = self.entry
        return Done(
            session_id=entry.session_id,
            transfer=entry.transfer,
            incoming=entry.incoming,
            name=entry.name,
            size=entry.size,
            digest=self.progress.digest,
            at=at_ms,
            other=self.other,
            path=self.progress.path,
            weak=entry.weak,
        )
