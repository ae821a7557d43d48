"""Drawing as one app has it: who draws by the relay's word, and ends at once that the relay learns later (B-7.3)."""

import msgspec
import pytest

from support_manager.errors import Refused, RelayUnavailable
from support_manager.media.board import EARLY_S
from support_manager.protocol.activities import ActivityKind, ActivityState
from support_manager.protocol.channel import DrawClear, DrawStroke
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import ActivityMade, ActivityOffer, ActivityStop, Nothing
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import ActivityView, Connection, Mode, ParticipantView, SessionView
from support_manager.session.drawing import SessionDrawing

VIEW, DRAW, RUNNING = ActivityKind.VIEW, ActivityKind.DRAW, ActivityState.RUNNING


def person(name: str, role: Role) -> ParticipantView:
    return ParticipantView(id=name, role=role, name=name, connection=Connection.ONLINE, joined_at=1)


def activity(kind: ActivityKind, subject: str, state: ActivityState = RUNNING) -> ActivityView:
    return ActivityView(id=f"{kind.value}-{subject}", kind=kind, state=state, asked_by="rep", subject=subject)


class Case:
    """One app in one session."""

    def __init__(self, *activities: ActivityView, you: str = "rep") -> None:
        people = (person("rep", Role.CONTROLLER), person("dan", Role.ASSISTANT), person("ana", Role.PRIMARY))
        self.view = SessionView(
            id="s", number="123456789", mode=Mode.MULTI, state=SessionState.ACTIVE, seq=1, started_at=1, you=you,
            participants=people, activities=activities,
        )  # fmt: skip
        self.sent: list[object] = []
        self.fails: Exception | None = None
        self.changes = 0
        self.now = 0.0
        self.drawing = SessionDrawing(
            lambda: self.view, self._send, lambda: "id", self._changed, self._ended, lambda: self.now
        )

    async def _send(self, message, kind, **_more):
        self.sent.append(message)
        if self.fails is not None:
            raise self.fails
        return ActivityMade(activity_id="x") if kind is ActivityMade else Nothing()

    def _changed(self) -> None:
        self.changes += 1

    def _ended(self) -> None:
        self.drawing.follow()


def stroke(number: int = 1) -> DrawStroke:
    return DrawStroke(number=number, points=((1, 1), (2, 2)))


@pytest.mark.rule("B-7.3")
async def test_it_begins_only_on_what_is_shown():
    for activities in ((), (activity(VIEW, "ana", ActivityState.ASKED),)):
        case = Case(*activities)
        with pytest.raises(Refused) as caught:
            await case.drawing.begin()
        assert caught.value.code is ErrorCode.ACTIVITY_UNKNOWN
        assert not case.sent
    case = Case(activity(VIEW, "ana"))
    await case.drawing.begin()
    assert isinstance(case.sent[0], ActivityOffer)
    case = Case(activity(VIEW, "ana"), activity(DRAW, "rep"))
    await case.drawing.begin()
    assert not case.sent, "it runs already"
    assert case.drawing.viewers == {"ana", "dan"}


@pytest.mark.rule("B-7.3")
def test_only_strokes_of_those_who_draw_are_kept():
    case = Case(activity(VIEW, "ana"), activity(DRAW, "rep"), you="dan")
    assert case.drawing.take("rep", stroke())
    assert not case.drawing.take("ana", stroke())
    assert [each.by for each in case.drawing.board.strokes] == ["rep"]
    case.drawing.take("", DrawClear())
    assert not case.drawing.board
    case.drawing.take("rep", stroke())
    case.view = Case(activity(VIEW, "ana"), you="dan").view
    case.drawing.follow()
    assert not case.drawing.board, "over with its activity"


@pytest.mark.rule("B-7.3")
def test_strokes_that_overtook_the_relays_word_are_seen_once_it_comes():
    case = Case(activity(VIEW, "ana"), you="dan")
    draws = Case(activity(VIEW, "ana"), activity(DRAW, "rep"), you="dan").view
    assert not case.drawing.take("rep", stroke(1))
    assert not case.drawing.take("ana", stroke(1))
    case.drawing.follow()
    assert not case.drawing.board, "the relay says who draws"
    assert not case.changes
    case.view = draws
    case.drawing.follow()
    assert [(each.by, each.number) for each in case.drawing.board.strokes] == [("rep", 1)]
    assert case.changes == 1


@pytest.mark.rule("B-7.3")
def test_what_the_hub_has_cleared_or_is_too_old_is_not_seen_in_the_next_drawing():
    for passes in (lambda case: case.drawing.take("", DrawClear()), lambda case: setattr(case, "now", EARLY_S + 1)):
        case = Case(activity(VIEW, "ana"), you="dan")
        case.drawing.take("rep", stroke())
        passes(case)
        case.view = Case(activity(VIEW, "ana"), activity(DRAW, "rep"), you="dan").view
        case.drawing.follow()
        assert not case.drawing.board


@pytest.mark.rule("B-7.3")
def test_what_the_former_hub_said_of_another_is_not_seen_at_the_new_one():
    case = Case(activity(VIEW, "ana"), you="eva")
    assert not case.drawing.take("dan", stroke(1))
    roles = {"rep": Role.ASSISTANT, "dan": Role.CONTROLLER, "ana": Role.PRIMARY}
    people = tuple(person(name, role) for name, role in roles.items())
    case.view = msgspec.structs.replace(case.view, participants=people)
    case.drawing.follow()
    assert not case.drawing.take("dan", stroke(2))
    case.view = msgspec.structs.replace(case.view, activities=(activity(VIEW, "ana"), activity(DRAW, "dan")))
    case.drawing.follow()
    assert [each.number for each in case.drawing.board.strokes] == [2]


@pytest.mark.rule("B-7.3")
async def test_what_was_under_way_when_he_ended_it_is_not_seen_in_the_next_one():
    show = activity(ActivityKind.SHOW, "rep")
    case = Case(show, activity(DRAW, "ana"))
    case.drawing.follow()
    case.drawing.take("ana", stroke(1))
    await case.drawing.end("ana")
    assert not case.drawing.take("ana", stroke(1))
    case.view = Case(show).view
    case.drawing.follow()
    assert not case.drawing.take("ana", stroke(1))
    case.view = Case(show, activity(DRAW, "ana")).view
    case.drawing.follow()
    assert not case.drawing.board


@pytest.mark.rule("B-7.3")
async def test_what_was_under_way_is_not_seen_in_the_next_one_where_nothing_was_left():
    show = activity(ActivityKind.SHOW, "rep")
    case = Case(show, activity(DRAW, "ana"))
    case.drawing.follow()
    await case.drawing.end("ana")
    assert not case.drawing.take("ana", stroke(1))
    for activities in ((show,), (show, activity(DRAW, "ana"))):
        case.view = Case(*activities).view
        case.drawing.follow()
    assert not case.drawing.board


@pytest.mark.rule("B-7.3")
@pytest.mark.parametrize("is_late", [False, True], ids=["before the relay's word", "after it"])
@pytest.mark.parametrize("by", ["ana", ""], ids=["the drawer", "the hub"])
def test_strokes_after_the_end_was_heard_are_of_the_next_drawing(by, is_late):
    show = activity(ActivityKind.SHOW, "rep")
    running, over = Case(show, activity(DRAW, "ana"), you="dan").view, Case(show, you="dan").view
    case = Case(show, activity(DRAW, "ana"), you="dan")
    case.drawing.follow()
    case.drawing.take("ana", stroke(1))
    if not is_late:
        case.drawing.take(by, DrawClear())
    case.view = over
    case.drawing.follow()
    if is_late:
        case.drawing.take(by, DrawClear())
    assert not case.drawing.take("ana", stroke(2))
    case.view = running
    case.drawing.follow()
    assert [each.number for each in case.drawing.board.strokes] == [2]


async def test_ending_takes_effect_at_once_and_is_told_when_the_relay_is_there():
    case = Case(activity(VIEW, "ana"), activity(DRAW, "rep"))
    case.drawing.take("rep", stroke())
    case.fails = RelayUnavailable("offline")
    with pytest.raises(RelayUnavailable):
        await case.drawing.end()
    assert not case.drawing.board
    assert case.drawing.mine is None
    assert not case.drawing.drawers, "and the hub is told that nobody draws"
    case.fails = None
    await case.drawing.tell_waiting()
    assert [type(each) for each in case.sent] == [ActivityStop, ActivityStop]
    case.fails = Refused(ErrorCode.ACTIVITY_UNKNOWN)
    await case.drawing.tell_waiting()
    case.view = Case(activity(VIEW, "ana")).view
    case.drawing.follow()
    case.sent.clear()
    await case.drawing.tell_waiting()
    assert not case.sent, "the relay knows"


async def test_another_ones_drawing_is_ended_by_the_one_in_charge():
    case = Case(activity(ActivityKind.SHOW, "rep"), activity(DRAW, "ana"))
    case.drawing.take("ana", stroke())
    await case.drawing.end("ana")
    assert not case.drawing.board
    assert isinstance(case.sent[0], ActivityStop)
    await case.drawing.end("dan")
    assert len(case.sent) == 1, "nothing to end"
