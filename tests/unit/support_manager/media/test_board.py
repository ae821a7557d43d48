"""What is drawn is kept within its bounds, and the hub hands on only what may be: B-7.3, hostile drawers."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support_manager.media.board import EARLY_S, Board, Early
from support_manager.media.control import Control
from support_manager.media.drawing import Drawing
from support_manager.protocol import limits
from support_manager.protocol.channel import DrawClear, DrawMessage, DrawPointer, DrawStroke, DrawTool


def stroke(number: int = 1, *points: tuple[int, int], tool: DrawTool = DrawTool.PEN) -> DrawStroke:
    return DrawStroke(number=number, tool=tool, points=points or ((1, 2), (3, 4)))


def lines(board: Board) -> list[tuple[str, int, list[tuple[int, int]]]]:
    return [(each.by, each.number, each.points) for each in board.strokes]


def test_a_stroke_grows_and_an_arrow_moves():
    board = Board()
    board.take("ana", stroke(1, (0, 0), (1, 1)))
    board.take("ana", stroke(1, (2, 2)))
    board.take("ana", stroke(2, (5, 5), (6, 6), tool=DrawTool.ARROW))
    board.take("ana", stroke(2, (5, 5), (9, 9), tool=DrawTool.ARROW))
    assert lines(board) == [("ana", 1, [(0, 0), (1, 1), (2, 2)]), ("ana", 2, [(5, 5), (9, 9)])]
    assert board.last_number("ana") == 2
    board.take("ana", DrawClear(number=2))
    assert [number for _, number, _ in lines(board)] == [1]


def test_nobody_clears_what_another_drew_but_the_hub():
    board = Board()
    board.take("ana", stroke())
    board.take("ion", stroke())
    board.take("ion", DrawClear())
    assert [by for by, _, _ in lines(board)] == ["ana"]
    assert not board.take("", stroke()), "the hub draws nothing"
    board.take("", DrawClear())
    assert not board


def test_the_board_has_its_bounds():
    board = Board()
    for number in range(limits.DRAW_STROKES + 20):
        board.take("ana", stroke(number))
    assert len(board.strokes) == limits.DRAW_STROKES
    assert board.strokes[0].number == 20, "the oldest gave way"
    taken = [board.take("ana", stroke(999, *[(at, at) for at in range(limits.DRAW_POINTS)])) for _ in range(100)]
    assert limits.DRAW_KEPT_POINTS - limits.DRAW_POINTS < len(board.strokes[-1].points) <= limits.DRAW_KEPT_POINTS
    assert sum(len(each.points) for each in board.strokes) <= limits.DRAW_KEPT_POINTS
    assert not taken[-1]
    for number in range(50):
        board.take("ana", stroke(number, *[(0, 0), (65_535, 65_535)] * 30))
    assert 0 < sum(each.length for each in board.strokes) <= limits.DRAW_KEPT_LENGTH


def test_who_comes_late_gets_the_same_board():
    board, late = Board(), Board()
    late.take("ana", stroke(7))
    board.take("ana", stroke(1, *[(at, 0) for at in range(64)]))
    board.take("ana", stroke(1, *[(at, 1) for at in range(64)]))
    board.take("ion", stroke(1, (9, 9), (8, 8), tool=DrawTool.BOX))
    board.take("ion", DrawPointer(x=3, y=4, by="ion"))
    for message in board.replay():
        late.take(message.by or "", message)
    assert lines(late) == lines(board)
    assert late.pointers == board.pointers


class Room:
    """A hub's drawing with lines that can be full."""

    def __init__(self) -> None:
        self.now = 0.0
        self.full: set[str] = set()
        self.got: dict[str, list[DrawMessage]] = {}
        self.timers: list = []
        self.drawing = Drawing(self._send, lambda: self.now, lambda _s, call: self.timers.append(call))

    def _send(self, who: str, message: DrawMessage) -> bool:
        if who in self.full:
            return False
        self.got.setdefault(who, []).append(message)
        return True

    def tick(self) -> None:
        timers, self.timers = self.timers, []
        for call in timers:
            call()

    def board_of(self, who: str) -> Board:
        board = Board()
        for message in self.got.get(who, []):
            board.take(message.by or "", message)
        return board


@pytest.mark.rule("B-7.3")
def test_who_may_not_draw_is_ignored_and_who_may_is_handed_on_by_name():
    room = Room()
    room.drawing.allow({"rep"}, {"ana", "dan"})
    assert not room.drawing.take("ana", stroke())
    assert not room.got
    # Whatever a message says of its drawer: it is whoever sent it.
    assert room.drawing.take("rep", msgspec.structs.replace(stroke(), by="ana"))
    assert [message.by for message in room.got["ana"]] == ["rep"]
    assert room.got["dan"] == room.got["ana"]
    assert "rep" not in room.got


@pytest.mark.rule("B-7.3")
def test_when_a_drawing_ends_everybody_is_told_and_nothing_stays():
    room = Room()
    room.drawing.allow({"rep"}, {"ana"})
    room.drawing.take("rep", stroke())
    room.drawing.take("rep", DrawPointer(x=1, y=1))
    assert room.board_of("ana")
    room.drawing.allow((), {"ana"})
    assert not room.board_of("ana")
    assert not room.drawing.take("rep", stroke())


@pytest.mark.rule("B-7.3")
def test_strokes_that_overtook_the_relays_word_are_drawn_once_it_comes():
    room = Room()
    assert not room.drawing.take("ana", stroke(1))
    assert not room.drawing.take("eva", stroke(1))
    assert not room.drawing.take("ana", stroke(1, (5, 5)))
    assert not room.got, "the relay says who draws"
    assert [by for by, _ in room.drawing.allow({"ana"}, {"dan"})] == ["ana", "ana"]
    assert lines(room.board_of("dan")) == [("ana", 1, [(1, 2), (3, 4), (5, 5)])]
    assert not room.drawing.allow({"ana"}, {"dan"}), "once"
    room.now += EARLY_S + 1
    assert not room.drawing.allow({"ana", "eva"}, {"dan"}), "what is too old belongs to another drawing"
    # A flood of one who may not draw drives out nobody else's, and is no more once he may.
    room.drawing.take("bob", stroke(1))
    flooders = [f"ion{number}" for number in range(10)]
    for at in range(2_000):
        room.now += 0.001
        for each in flooders:
            room.drawing.take(each, stroke(at))
    assert sum(len(said) for said in room.drawing._early._kept.values()) <= 10 * 100 + 1
    found = room.drawing.allow({"ana", "bob", *flooders}, {"dan"})
    assert [by for by, _ in found if by == "bob"] == ["bob"]


@pytest.mark.rule("B-7.3")
def test_a_hand_that_hovers_before_the_relays_word_leaves_room_for_what_it_draws_then():
    room = Room()
    for at in range(140):
        assert not room.drawing.take("ana", DrawPointer(x=at, y=0))
        assert not room.drawing.take("eva", DrawPointer(x=at, y=0))
        room.now += 1 / limits.DRAW_POINTER_HZ
    room.drawing.take("ana", DrawPointer(gone=True))
    room.drawing.take("ana", stroke(1))
    assert room.now < EARLY_S
    room.drawing.allow({"ana", "eva"}, {"dan"})
    assert lines(room.board_of("dan")) == [("ana", 1, [(1, 2), (3, 4)])]
    assert {by: one.x for by, one in room.board_of("dan").pointers.items()} == {"eva": 139}, "no pointer stays behind"


@pytest.mark.rule("B-7.3")
def test_who_is_lost_before_the_relays_word_points_no_more_but_has_drawn():
    room = Room()
    for each in ("ana", "eva"):
        room.drawing.take(each, stroke(1))
        room.drawing.take(each, DrawPointer(x=1, y=1))
    room.drawing.lost("ana")
    room.drawing.lost("stranger")
    room.drawing.allow({"ana", "eva"}, {"dan"})
    assert set(room.board_of("dan").pointers) == {"eva"}
    assert [by for by, _, _ in lines(room.board_of("dan"))] == ["ana", "eva"]


class Moment(float):
    """A time; it is counted how often one is looked at."""

    looked_at = 0

    def __le__(self, other: float) -> bool:
        Moment.looked_at += 1
        return float.__le__(self, other)

    def __gt__(self, other: float) -> bool:
        Moment.looked_at += 1
        return float.__gt__(self, other)


def test_what_is_kept_of_the_others_costs_nothing_with_each_message():
    now = Moment(0)
    early = Early(lambda: now)
    names = [f"ion{number}" for number in range(limits.PARTICIPANTS_PER_SESSION)]
    for number in range(100):
        for each in names:
            early.keep(each, stroke(number))
    Moment.looked_at = 0
    for each in names:
        early.keep(each, stroke(100))
    assert Moment.looked_at <= 4 * len(names)


def test_what_is_kept_of_strangers_is_bounded_and_the_old_gives_way():
    now = 0.0
    early = Early(lambda: now)
    for number in range(1_000):  # a hostile hub makes their names up
        early.keep(f"ion{number}", stroke(1))
    assert len(early._kept) == limits.PARTICIPANTS_PER_SESSION
    now += EARLY_S - 1
    early.keep("ion0", stroke(2))
    now += 1
    early.keep("ana", stroke(3))
    assert set(early._kept) == {"ion0", "ana"}
    assert [message.number for _, message in early.claim({"ion0", "ion1", "ana"})] == [2, 3]


def test_of_ended_drawings_only_the_late_ones_are_remembered():
    now = 0.0
    early = Early(lambda: now)
    early.end({"ana"})
    now += EARLY_S - 1
    early.end({"eva"})
    assert set(early._ended) == {"ana", "eva"}
    now += 1
    early.end(())
    assert set(early._ended) == {"eva"}


@pytest.mark.rule("B-7.3")
def test_what_goes_on_after_its_drawing_ended_is_not_of_the_next_one():
    room = Room()
    room.drawing.allow({"ana"}, {"dan"})
    room.drawing.take("ana", stroke(1))
    room.drawing.allow((), {"dan"})
    for _ in range(4):  # her page has not heard of the end: the relay is away
        room.now += EARLY_S - 1
        assert not room.drawing.take("ana", stroke(1, (5, 5)))
    assert room.drawing.allow({"ana"}, {"dan"}) == []
    assert room.drawing.take("ana", stroke(2))
    assert [number for _, number, _ in lines(room.board_of("dan"))] == [2]
    # Long after it she overtakes the word once more.
    room.drawing.allow((), {"dan"})
    room.now += EARLY_S + 1
    room.drawing.take("ana", stroke(3))
    assert [by for by, _ in room.drawing.allow({"ana"}, {"dan"})] == ["ana"]
    # And so she does who has ended it herself, before or after the hub hears of the end.
    for late in (True, False):
        steps = [lambda: room.drawing.allow((), {"dan"}), lambda: room.drawing.take("ana", DrawClear())]
        for step in steps if late else steps[::-1]:
            step()
        room.drawing.take("ana", stroke(4))
        assert [message.number for _, message in room.drawing.allow({"ana"}, {"dan"})] == [4]


NOTHING_LEFT = pytest.mark.parametrize(
    "said",
    [
        (),
        (stroke(1), DrawClear(number=1)),
        (stroke(1), DrawClear(), stroke(2), DrawClear(number=2)),
        (stroke(1), DrawClear(), DrawPointer(x=1, y=1), DrawPointer(gone=True)),
    ],
    ids=["nothing", "taken back", "cleared and taken back", "cleared and pointed"],
)


@pytest.mark.rule("B-7.3")
@NOTHING_LEFT
def test_what_was_under_way_is_not_of_the_next_one_where_nothing_was_left(said):
    room = Room()
    room.drawing.allow({"ana"}, {"dan"})
    for message in said:
        room.drawing.take("ana", message)
    room.drawing.allow((), {"dan"})
    room.drawing.take("ana", stroke(3))
    assert room.drawing.allow({"ana"}, {"dan"}) == []
    assert not room.board_of("dan")


@pytest.mark.rule("B-7.3")
def test_who_cleared_up_and_left_has_ended_it_and_may_overtake_the_word_of_the_next_one():
    room = Room()
    room.drawing.allow({"ana"}, {"dan"})
    for message in (stroke(1), DrawPointer(x=1, y=1), DrawClear(), DrawPointer(gone=True)):
        room.drawing.take("ana", message)
    room.drawing.allow((), {"dan"})
    room.drawing.take("ana", stroke(2))
    assert [message.number for _, message in room.drawing.allow({"ana"}, {"dan"})] == [2]
    # That was the other drawing.
    room.drawing.take("ana", DrawClear())
    for drawers in ((), {"ana"}, ()):
        room.drawing.allow(drawers, {"dan"})
    room.drawing.take("ana", stroke(3))
    assert room.drawing.allow({"ana"}, {"dan"}) == []


@pytest.mark.rule("B-7.3")
@NOTHING_LEFT
def test_the_end_of_a_drawing_is_said_to_who_sees_it_also_where_nothing_was_left(said):
    room = Room()
    room.drawing.allow({"rep"}, {"dan"})
    for message in said:
        room.drawing.take("rep", message)
    room.got.clear()
    room.drawing.allow((), {"dan"})
    assert room.got == {"dan": [DrawClear()]}


def test_a_flood_is_dropped_and_then_forgiven():
    room = Room()
    room.drawing.allow({"ion"}, {"rep"})
    taken = sum(room.drawing.take("ion", DrawPointer(x=at, y=0)) for at in range(1_000))
    assert taken == 2 * limits.DRAW_MESSAGES_PER_SECOND
    room.now = 1.0
    assert room.drawing.take("ion", DrawPointer(x=7, y=7))


def test_a_full_line_loses_nothing_and_holds_nobody_else_up():
    room = Room()
    room.drawing.allow({"rep"}, {"slow", "quick"})
    room.full = {"slow"}
    for number in range(40):
        room.drawing.take("rep", stroke(number))
    room.drawing.take("rep", DrawClear(number=3))
    assert len(room.got["quick"]) == 41
    assert "slow" not in room.got
    room.full = set()
    room.tick()
    assert lines(room.board_of("slow")) == lines(room.board_of("quick"))
    room.tick()
    assert not room.timers, "nothing waits any more"


def test_what_waits_for_a_full_line_is_bounded():
    room = Room()
    room.drawing.allow({"rep"}, {"slow"})
    room.full = {"slow"}
    for at in range(4_000):
        room.now += 1
        room.drawing.take("rep", DrawPointer(x=at, y=0))
    assert len(room.drawing._waiting["slow"]) <= 501
    room.full = set()
    room.tick()
    assert room.board_of("slow").pointers["rep"].x == 3_999


def test_a_newcomer_and_one_who_comes_back_get_all_of_it_and_a_lost_drawer_points_no_more():
    room = Room()
    room.drawing.allow({"rep", "ana"}, {"ana"})
    room.drawing.take("rep", stroke())
    room.drawing.take("ana", DrawPointer(x=1, y=1))
    room.drawing.allow({"rep", "ana"}, {"ana", "eva"})
    assert lines(room.board_of("eva")) == [("rep", 1, [(1, 2), (3, 4)])]
    assert "ana" in room.board_of("eva").pointers
    room.got.clear()
    room.drawing.came("ana")
    assert lines(room.board_of("ana")) == [("rep", 1, [(1, 2), (3, 4)])]
    room.drawing.lost("ana")
    assert not room.board_of("eva").pointers
    room.drawing.came("stranger")
    assert "stranger" not in room.got


numbers = st.integers(-5, 70_000) | st.floats() | st.none()
points = st.lists(st.lists(numbers, max_size=3), max_size=4) | numbers
fields = st.fixed_dictionaries(
    {"type": st.sampled_from(["stroke", "pointer", "clear"])},
    optional={
        "number": numbers, "tool": st.sampled_from(["pen", "arrow", "box", "gun"]), "colour": numbers,
        "points": points, "x": numbers, "y": numbers, "gone": st.booleans() | numbers, "by": st.text(max_size=4),
    },
)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(fields, max_size=5))
def test_whatever_a_hostile_page_draws_stays_within_the_bounds(messages):
    room, control = Room(), Control()
    room.drawing.allow({"ana"}, {"rep"})
    for raw in messages:
        read = control.take(msgspec.json.encode(raw).decode(), 0.0)
        if isinstance(read, DrawMessage):
            room.drawing.take("ana", read)
    for message in room.got.get("rep", []):
        assert message.by == "ana"
        assert len(msgspec.json.encode(message)) < 2_000
