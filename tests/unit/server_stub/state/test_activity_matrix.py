"""The matrix of how activities end: every cell of the table in docs/behaviour.md, section 7, on the relay's state."""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import pytest

from server_stub.state import files
from server_stub.state.facts import ActivitySet
from support_manager.protocol import requests
from support_manager.protocol.activities import ACTIVITIES, ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.views import Capability, Connection, Mode
from tests.harness.activity_table import ends_table
from tests.harness.scene import Scene

FILES = files.FileRules(size_bytes=1_000, per_session=9, at_once=9, site_bytes=10_000, idle_s=600)
_numbers = itertools.count(1)
TABLE = ends_table()


class Stage:
    """A rep, a colleague who assists, the customer Maria who is helped, and Ion who is not; and what runs."""

    def __init__(self) -> None:
        self.scene = Scene(Mode.SINGLE)
        self.rep = self.scene.rep
        self.maria = self.scene.join()
        self.ion = self.scene.join("Ion", "join-request-0002")
        self.scene.admit(self.rep, self.ion)
        self.helper = self.scene.assist()
        for who in (self.rep, self.maria):
            self._can(who, file_key="k" * 87)
        self.activity = ""
        self.starter = self.rep
        self.other = self.maria

    def _can(self, who: str, **device: object) -> None:
        person = self.scene.person(who)
        person.device = msgspec.structs.replace(person.device, **device)

    def ask(self, kind: ActivityKind) -> None:
        self.activity = self.scene.ask(self.rep, self.maria, kind)

    def offer(self, who: str, kind: ActivityKind) -> None:
        self.activity = self.scene.offer(who, kind)
        self.starter, self.other = who, self.maria if who == self.rep else self.rep

    def draw(self, who: str) -> None:
        other, shown = (self.maria, ActivityKind.VIEW) if who == self.rep else (self.rep, ActivityKind.SHOW)
        self.offer(other, shown)
        self.offer(who, ActivityKind.DRAW)

    def talk(self) -> None:
        """The rep is in a call with the customer; it is about the rep's own voice."""
        self.scene.offer(self.maria, ActivityKind.VOICE)
        self.offer(self.rep, ActivityKind.VOICE)

    def asked_to_talk(self) -> None:
        self.scene.offer(self.rep, ActivityKind.VOICE)
        self.ask(ActivityKind.VOICE)

    def file(self, who: str) -> None:
        number = next(_numbers)
        request = requests.ActivityOffer(
            session_id=self.scene.session.id,
            request_id=f"file-{number}",
            kind=ActivityKind.FILE,
            file=requests.FileOffer(transfer=f"t{number}", size=10, key_id="key", sealed="sealed"),
        )
        facts = self.scene.act(
            "activity.offer",
            who,
            lambda me: files.decide_offer(
                self.scene.session, me, request, self.scene.now_ms, f"file-{number}-id", FILES
            ),
        )
        assert isinstance(facts[0], ActivitySet)
        self.activity = facts[0].activity.id
        self.starter, self.other = who, self.maria if who == self.rep else self.rep

    @property
    def state(self) -> ActivityState:
        found = self.scene.session.activities.get(self.activity)
        return ActivityState.ENDED if found is None else found.state

    @property
    def kind(self) -> ActivityKind:
        return self.scene.session.activities[self.activity].kind

    def ends_told(self) -> dict[str, ActivityEnd | None]:
        """Who was told, and with which reason, that it is over."""
        told: dict[str, ActivityEnd | None] = {}
        for who in (self.rep, self.maria, self.ion, self.helper):
            for fact in self.scene.facts_told(who):
                activity = getattr(fact, "activity", None)
                if activity is not None and activity.id == self.activity and activity.state is ActivityState.ENDED:
                    told[who] = activity.end
        return told

    # What happens

    def refused(self) -> None:
        self.scene.answer(self.other, self.activity, False)

    def stopped(self, who: str) -> None:
        if self.kind is ActivityKind.VOICE and who != self.rep:
            mine = next(a.id for a in self.scene.session.activities.values() if a.subject == who)
            self.scene.stop(who, mine)  # nobody else's voice: a customer hangs up
        else:
            self.scene.stop(who, self.activity)

    def control_moves(self, *, voice: bool = False) -> None:
        if voice:
            self._can(self.helper, microphone=Capability.YES)
        self.scene.transfer_control(self.rep, self.helper)

    def reloaded(self) -> None:
        self.scene.connection(self.maria, Connection.CLOSED_PAGE)
        self.scene.resume(self.scene.tokens[self.maria][-1])

    def lost(self) -> None:
        for who in (self.maria, self.rep):
            self.scene.connection(who, Connection.LOST)
            self.scene.connection(who, Connection.ONLINE)


class Row(NamedTuple):
    """How an activity of the table is started."""

    start: Callable[[Stage], None]
    kind: ActivityKind
    is_asked: bool = False
    """Whether somebody has to agree before it runs."""


ROWS: dict[str, Row] = {
    "view, asked for": Row(lambda one: one.ask(ActivityKind.VIEW), ActivityKind.VIEW, True),
    "view, offered": Row(lambda one: one.offer(one.maria, ActivityKind.VIEW), ActivityKind.VIEW),
    "show": Row(lambda one: one.offer(one.rep, ActivityKind.SHOW), ActivityKind.SHOW),
    "drawing by the rep": Row(lambda one: one.draw(one.rep), ActivityKind.DRAW),
    "drawing by the customer": Row(lambda one: one.draw(one.maria), ActivityKind.DRAW),
    "the customer's camera, asked for": Row(lambda one: one.ask(ActivityKind.VIDEO), ActivityKind.VIDEO, True),
    "the customer's camera, offered": Row(lambda one: one.offer(one.maria, ActivityKind.VIDEO), ActivityKind.VIDEO),
    "the rep's camera": Row(lambda one: one.offer(one.rep, ActivityKind.VIDEO), ActivityKind.VIDEO),
    "the customer's voice, asked for": Row(lambda one: one.asked_to_talk(), ActivityKind.VOICE, True),
    "the customer's voice, offered": Row(lambda one: one.offer(one.maria, ActivityKind.VOICE), ActivityKind.VOICE),
    "the rep's voice": Row(lambda one: one.talk(), ActivityKind.VOICE),
    "recording": Row(lambda one: one.ask(ActivityKind.RECORDING), ActivityKind.RECORDING, True),
    "file from the rep": Row(lambda one: one.file(one.rep), ActivityKind.FILE, True),
    "file from the customer": Row(lambda one: one.file(one.maria), ActivityKind.FILE, True),
}


class Column(NamedTuple):
    """What happens, and the reason that everybody is told."""

    happens: Callable[[Stage], None]
    reason: ActivityEnd | None


COLUMNS: dict[str, Column] = {
    "refused": Column(Stage.refused, ActivityEnd.DENIED),
    "stopped by its starter": Column(lambda one: one.stopped(one.starter), ActivityEnd.STOPPED),
    "stopped by the other side": Column(lambda one: one.stopped(one.other), ActivityEnd.STOPPED),
    "Transfer Control": Column(Stage.control_moves, ActivityEnd.CONTROL_TRANSFERRED),
    "Transfer Session": Column(
        lambda one: one.scene.pass_on(one.rep, queue="support"), ActivityEnd.SESSION_TRANSFERRED
    ),
    "another customer is helped": Column(lambda one: one.scene.select(one.rep, one.ion), ActivityEnd.CUSTOMER_SWITCHED),
    "the customer's page is reloaded": Column(Stage.reloaded, ActivityEnd.PAGE_RELOADED),
    "a link is lost": Column(Stage.lost, None),
    "the session ends": Column(lambda one: one.scene.end(one.rep), ActivityEnd.SESSION_ENDED),
}


def started(row: Row, *, running: bool) -> Stage:
    stage = Stage()
    row.start(stage)
    if row.is_asked:
        assert stage.state is ActivityState.ASKED
        if running:
            stage.scene.answer(stage.other, stage.activity, True)
    if running:
        assert stage.state is ActivityState.RUNNING
    assert stage.kind is row.kind
    return stage


def over(stage: Stage, kind: ActivityKind, reason: ActivityEnd | None) -> None:
    """It has ended for everybody who knew of it, with that reason, and after a restart of the relay as well."""
    assert stage.state is ActivityState.ENDED
    assert stage.activity not in stage.scene.rebuilt().activities
    told = stage.ends_told()
    # What is drawn may also be said to end with what it is drawn on.
    reasons = {reason, ActivityEnd.VIEW_ENDED} if kind is ActivityKind.DRAW else {reason}
    assert set(told.values()) <= reasons
    concerned = {stage.rep, stage.maria} | (set() if kind is ActivityKind.FILE else {stage.ion, stage.helper})
    if reason is ActivityEnd.SESSION_TRANSFERRED:
        assert told.keys() >= concerned - {stage.rep}, "the rep is gone with it"
    else:
        assert told.keys() == concerned


def test_the_table_has_a_row_for_every_kind_and_a_column_for_every_end():
    assert list(TABLE) == list(ROWS)
    assert {row.kind for row in ROWS.values()} == set(ActivityKind)
    for name, cells in TABLE.items():
        assert list(cells) == list(COLUMNS), name
        assert (cells["refused"] == "–") is not ROWS[name].is_asked, name


@pytest.mark.rule("B-7.1", "B-7.2", "B-7.3", "B-7.5", "B-7.6", "B-7.7", "B-7.8", "B-9.4", "B-9.5", "B-10.3", "B-5.3")
@pytest.mark.parametrize("what", COLUMNS)
@pytest.mark.parametrize("name", ROWS)
def test_every_cell(name: str, what: str):
    row, column, cell = ROWS[name], COLUMNS[what], TABLE[name][what]
    if cell == "–":
        assert not row.is_asked
        return
    stage = started(row, running=what != "refused")
    column.happens(stage)
    if cell == "goes on":
        assert stage.state is ActivityState.RUNNING
        assert not stage.ends_told()
        assert stage.activity in stage.scene.rebuilt().activities
        return
    over(stage, row.kind, column.reason)
    if cell == "ends without voice there":
        stage = started(row, running=True)
        stage.control_moves(voice=True)
        assert stage.state is ActivityState.RUNNING
        assert not stage.ends_told()
    else:
        assert cell == "ends"


@pytest.mark.rule("B-9.4", "B-10.3", "B-5.3")
@pytest.mark.parametrize(
    "what", ["Transfer Control", "Transfer Session", "another customer is helped", "the session ends"]
)
@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.is_asked])
def test_a_question_does_not_outlive_what_it_was_asked_in(name: str, what: str):
    row, column = ROWS[name], COLUMNS[what]
    stage = started(row, running=False)
    column.happens(stage)
    if row.kind is ActivityKind.FILE and what == "another customer is helped":
        assert stage.state is ActivityState.ASKED
        stage.scene.answer(stage.other, stage.activity, True)
        assert stage.state is ActivityState.RUNNING, "a file is between the two, whoever is helped"
    else:
        over(stage, row.kind, column.reason)


@pytest.mark.parametrize("name", ROWS)
def test_the_protocols_table_says_the_same_of_transfers_and_switches(name: str):
    ended_by, cells = ACTIVITIES[ROWS[name].kind].ended_by, TABLE[name]
    assert (ActivityEnd.CONTROL_TRANSFERRED in ended_by) is cells["Transfer Control"].startswith("ends")
    assert (ActivityEnd.SESSION_TRANSFERRED in ended_by) is (cells["Transfer Session"] == "ends")
    assert (ActivityEnd.SESSION_ENDED in ended_by) is (cells["the session ends"] == "ends")
    if ROWS[name].kind is not ActivityKind.VIDEO:  # the former customer's camera ends, the rep's does not
        assert (ActivityEnd.CUSTOMER_SWITCHED in ended_by) is (cells["another customer is helped"] == "ends")
