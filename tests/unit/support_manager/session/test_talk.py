"""What a rep reads when a call or a drawing ends: the relay's own decisions, as each rep's machine understands them."""

import pytest

from support_manager.events import Happening
from support_manager.protocol.activities import ActivityEnd, ActivityKind
from support_manager.protocol.limits import CONTROLLER_LOST_S
from support_manager.protocol.views import Capability, Connection, Device, Mode
from support_manager.session.machine import SessionMachine
from tests.harness.scene import Scene

VOICE = ActivityKind.VOICE
MINE_OVER = (Happening.MY_VOICE_STOPPED, "")
VOICES = frozenset(one for one in Happening if "voice" in one.value)


class Listener:
    """What one of the reps is told from now on about the call and his drawing."""

    def __init__(self, scene: Scene, who: str) -> None:
        self._scene, self._who = scene, who
        self._machine = SessionMachine(scene.view(who))

    def news(self) -> list[tuple[Happening, str]]:
        seq = self._machine.view.seq
        told = [event for event in self._scene.told[self._who] if event.seq > seq]
        return self._about(each for event in told for each in self._machine.apply(event).attention)

    def after_a_gap(self) -> list[tuple[Happening, str]]:
        """The same when the connection was away: a snapshot is all that comes."""
        self._machine.hold()
        return self._about(self._machine.take_snapshot(self._scene.view(self._who)).attention)

    @staticmethod
    def _about(attention) -> list[tuple[Happening, str]]:
        wanted = {*VOICES, Happening.MY_DRAWING_STOPPED}
        return [(each.what, each.name) for each in attention if each.what in wanted]


class Call:
    """Ana, who is in charge, Bogdan, who assists and looks on, and Maria: asked, or in the call with Ana."""

    def __init__(self, *, talks: bool = True) -> None:
        self.scene = Scene(mode=Mode.SINGLE)
        self.maria = self.scene.join()
        self.bogdan = self.scene.assist("Bogdan")
        self.mine = self.scene.offer(self.scene.rep, VOICE)
        self.his = self.scene.ask(self.scene.rep, self.maria, VOICE)
        if talks:
            self.scene.answer(self.maria, self.his, True)
        self.ana, self.looker = Listener(self.scene, self.scene.rep), Listener(self.scene, self.bogdan)


@pytest.mark.rule("B-12.1", "B-7.7")
def test_a_customer_who_does_not_want_to_talk_is_named() -> None:
    call = Call(talks=False)
    call.scene.answer(call.maria, call.his, False)
    assert call.ana.news() == [(Happening.VOICE_DENIED, "Maria"), MINE_OVER]
    assert call.looker.news() == [(Happening.VOICE_DENIED, "Maria"), (Happening.VOICE_OUT, "Ana Pop")]


@pytest.mark.rule("B-12.1", "B-7.7")
def test_who_hangs_up_is_named_and_whoever_did_it_himself_is_told_nothing() -> None:
    call = Call()
    call.scene.stop(call.maria, call.his)
    assert call.ana.news() == [(Happening.VOICE_LEFT, "Maria"), MINE_OVER]
    call = Call()
    call.scene.stop(call.scene.rep, call.mine)
    assert call.ana.news() == []
    assert call.looker.news() == [(Happening.VOICE_LEFT, "Ana Pop"), (Happening.VOICE_OUT, "Maria")]


@pytest.mark.rule("B-12.1", "B-7.7")
def test_who_is_put_out_reads_it_and_so_do_the_others() -> None:
    call = Call()
    his = call.scene.offer(call.bogdan, VOICE)
    call.looker.news()
    call.scene.stop(call.scene.rep, his)
    assert call.looker.news() == [MINE_OVER]
    call.scene.offer(call.bogdan, VOICE)
    call.looker.news()
    call.scene.stop(call.scene.rep, call.his)
    assert call.looker.news() == [(Happening.VOICE_OUT, "Maria")]
    assert call.ana.news() == []


@pytest.mark.rule("B-12.1", "B-12.4")
def test_a_page_that_is_loaded_again_is_out_of_the_call() -> None:
    call = Call()
    call.scene.connection(call.maria, Connection.CLOSED_PAGE)
    assert call.ana.news() == [(Happening.VOICE_OUT, "Maria")]


@pytest.mark.rule("B-12.1")
def test_who_leaves_the_session_takes_the_call_along_and_who_ends_it_tells_that_alone() -> None:
    call = Call()
    call.scene.leave(call.maria)
    assert call.ana.news() == [MINE_OVER]
    call = Call()
    call.scene.end(call.scene.rep)
    assert (call.ana.news(), call.looker.news()) == ([], [])


@pytest.mark.rule("B-9.5", "B-12.1")
def test_a_new_controller_without_voice_ends_the_call_and_everybody_reads_why_once() -> None:
    call = Call()
    call.scene.person(call.bogdan).device = Device(microphone=Capability.NO)
    call.scene.transfer_control(call.scene.rep, call.bogdan)
    assert call.ana.news() == call.looker.news() == [(Happening.VOICE_OVER_CONTROL, "")]
    call = Call()
    call.scene.person(call.bogdan).device = Device(microphone=Capability.YES)
    call.scene.transfer_control(call.scene.rep, call.bogdan)
    assert call.ana.news() == call.looker.news() == []


@pytest.mark.rule("B-10.3", "B-12.1")
def test_a_session_that_is_passed_on_ends_the_call_in_words_for_whoever_stays() -> None:
    call = Call()
    call.scene.offer(call.bogdan, VOICE)
    call.looker.news()
    call.scene.pass_on(call.scene.rep, queue="q")
    assert call.looker.news() == [(Happening.VOICE_OVER_TRANSFER, "")]
    assert call.ana.news() == []


@pytest.mark.rule("B-5.3", "B-12.1")
def test_a_question_that_the_customer_switch_takes_away_is_named_and_a_call_goes_on() -> None:
    for talks, told in ((False, [(Happening.VOICE_UNASKED, "Maria")]), (True, [])):
        call = Call(talks=talks)
        ion = call.scene.join("Ion", "join-request-0002")
        call.scene.admit(call.scene.rep, ion)
        call.scene.select(call.scene.rep, ion)
        assert call.ana.news() == call.looker.news() == told


@pytest.mark.rule("B-12.1")
def test_a_question_taken_back_is_told_to_the_others_only() -> None:
    call = Call(talks=False)
    call.scene.stop(call.scene.rep, call.his, ActivityEnd.CANCELLED)
    assert call.ana.news() == []
    assert call.looker.news() == [(Happening.VOICE_UNASKED, "Maria"), (Happening.VOICE_LEFT, "Ana Pop")]


@pytest.mark.rule("B-12.1", "B-12.5")
def test_an_end_while_the_connection_was_away_is_told_afterwards() -> None:
    call = Call()
    call.scene.stop(call.maria, call.his)
    assert set(call.ana.after_a_gap()) == {MINE_OVER, (Happening.VOICE_OUT, "Maria")}
    call = Call()
    call.scene.connection(call.maria, Connection.CLOSED_PAGE)
    call.scene.resume(call.scene.tokens[call.maria][-1])
    call.scene.offer(call.maria, VOICE)
    assert call.ana.after_a_gap() == [], "she is in it again, as she was"
    call.scene.end(call.scene.rep)
    assert call.looker.after_a_gap() == []


@pytest.mark.rule("B-7.3", "B-12.1")
def test_who_ends_our_drawing_is_named_and_our_own_end_is_not() -> None:
    scene = Scene()
    maria = scene.join()
    scene.offer(maria)
    ana = Listener(scene, scene.rep)
    scene.stop(maria, scene.offer(scene.rep, ActivityKind.DRAW))
    assert ana.news() == [(Happening.MY_DRAWING_STOPPED, "Maria")]
    scene.stop(scene.rep, scene.offer(scene.rep, ActivityKind.DRAW))
    scene.offer(scene.rep, ActivityKind.DRAW)
    scene.stop(maria, next(one.id for one in scene.session.activities.values() if one.kind is ActivityKind.VIEW))
    assert ana.news() == [], "that the sharing stopped says it"
    scene.offer(maria)
    scene.offer(scene.rep, ActivityKind.DRAW)
    bogdan = scene.assist("Bogdan")
    scene.connection(scene.rep, Connection.LOST)
    scene.later(CONTROLLER_LOST_S)
    scene.take_control(bogdan)
    assert ana.news() == [], "that control is gone says it"
