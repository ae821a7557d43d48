"""What a customer draws before the hub knows that he may: seen by nobody until then, and by all after it (B-7.3)."""

import time

import msgspec
import pytest

from support_manager.media import board
from support_manager.media.engine import Drawn
from support_manager.protocol.channel import Beat, DrawStroke
from tests.harness.participant import Participant, until
from tests.integration.media.test_forward import EVA, ION, Centre
from tests.integration.media.test_forward import assistant as _assistant
from tests.integration.media.test_forward import centre as _centre
from tests.integration.media.test_forward import ion as _ion

centre, assistant, ion = _centre, _assistant, _ion


@pytest.mark.rule("B-7.3")
async def test_a_customers_first_stroke_may_overtake_the_relays_word(
    centre: Centre, ion: Participant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "EARLY_S", 60.0)  # beats take their time, and a busy machine its own

    def drawn() -> list[Drawn]:
        return [one for one in centre.events if isinstance(one, Drawn)]

    stroke = DrawStroke(number=1, points=((1, 1), (2, 2)))
    await until(lambda: ion.channel.readyState == "open", what="the channel")
    ion.channel.send(msgspec.json.encode(stroke).decode())
    sent = time.time() * 1000
    # The hub has had the beat that came after it on the same line.
    await until(lambda: any(isinstance(one, Beat) and one.echo_ms > sent for one in ion.received), what="an echo")
    assert not drawn(), "the relay says who draws"
    centre.engine.set_drawing("s1", {ION.participant_id}, {EVA.participant_id})
    await until(lambda: bool(drawn()), what="the stroke")
    ion.channel.send(msgspec.json.encode(DrawStroke(number=2, points=((3, 3),))).decode())
    await until(lambda: len(drawn()) > 1, what="the next one")
    assert [(one.peer, one.message.number) for one in drawn()] == [(ION, 1), (ION, 2)]
    assert drawn()[0].message == stroke
