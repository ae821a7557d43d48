"""Whoever asks for something on a live connection is there, and is not thrown out for an older one's loss."""

import pytest

from server_stub.state import control, transfer
from support_manager.protocol import limits, requests
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import Connection
from tests.harness.scene import Scene, account


@pytest.mark.rule("B-10.4", "B-12.6")
def test_an_assistant_who_accepts_on_a_new_connection_keeps_the_session():
    scene = Scene(by_form=True)
    ana = scene.accept("Ana")
    bogdan = scene.assist("Bogdan")
    scene.pass_on(ana, queue="support")
    scene.connection(bogdan, Connection.LOST)
    scene.later(limits.CONTROLLER_LOST_S + 1)
    assert scene.accept("Bogdan") == bogdan
    scene.expire()
    assert (scene.session.state, scene.person(bogdan).role) == (SessionState.ACTIVE, Role.CONTROLLER)
    assert scene.person(bogdan).connection is Connection.ONLINE


@pytest.mark.rule("B-11.1", "B-12.5")
def test_a_form_sent_again_brings_its_customer_back():
    scene = Scene(by_form=True)
    scene.connection(scene.customer, Connection.LOST)
    form = requests.QueueEnter(request_id="enter-request-0001", queue="support", name="Maria")
    again = transfer.decide_enter_again(scene.session, form, "another token")
    scene._commit(again.facts)
    scene.later(limits.RETURN_AFTER_CLOSED_PAGE_S + 1)
    scene.expire()
    assert (scene.session.state, scene.person(scene.customer).left) == (SessionState.QUEUED, None)


def test_assisting_once_more_brings_an_assistant_back():
    scene = Scene()
    bogdan = scene.assist("Bogdan", "assist-request-0001")
    scene.connection(bogdan, Connection.LOST)
    facts, who = control.decide_assist(scene.session, account("Bogdan"), "assist-request-0001", scene.moment)
    scene._commit(facts)
    assert (who, scene.person(bogdan).connection) == (bogdan, Connection.ONLINE)
