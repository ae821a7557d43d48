"""Whose yes a screen, a camera or a voice was, in the audit log."""

import pytest

from server_stub.records import share_acts
from support_manager.protocol.activities import ActivityEnd, ActivityKind
from tests.harness.scene import Scene


def acts(scene):
    found = [act for entry in scene.journal for act in share_acts(scene.session, entry)]
    return [(act.kind, act.who, act.what.partition(", ")[2]) for act in found]


@pytest.mark.rule("B-7.1", "B-7.6", "B-7.7")
@pytest.mark.parametrize("kind", [ActivityKind.VIEW, ActivityKind.VIDEO, ActivityKind.VOICE])
def test_each_yes_and_no_is_on_record_once_and_so_is_the_end(kind):
    scene = Scene()
    maria = scene.join()
    refused = scene.ask(scene.rep, maria, kind)
    scene.answer(maria, refused, False)
    allowed = scene.ask(scene.rep, maria, kind)
    scene.answer(maria, allowed, True, "Ana asks")
    scene.assist("Bogdan")  # sees it from now on: no new consent
    scene.stop(maria, allowed, ActivityEnd.STOPPED)
    # As of several customers it may be any: which one.
    one, who = kind.value, f"customer {maria}"
    assert [act for act in acts(scene) if act[1] == "customer" or act[0].endswith("asked")] == [
        (f"{one}_asked", "account-ana", who),
        (f"{one}_refused", "customer", who),
        (f"{one}_asked", "account-ana", who),
        (f"{one}_allowed", "customer", who),
        (f"{one}_stopped", "customer", f"{who}, stopped"),
    ]


@pytest.mark.rule("B-7.1")
def test_what_the_customer_shows_by_himself_is_his_yes_and_the_relays_end_is_the_relays():
    scene = Scene()
    maria = scene.join()
    scene.offer(maria)
    scene.end(scene.rep)
    assert acts(scene)[0] == ("view_allowed", "customer", f"customer {maria}")
    assert acts(scene)[-1][0::2] == ("view_stopped", "session_ended")


@pytest.mark.rule("B-7.2", "B-7.3")
def test_what_the_rep_shows_and_who_draws_is_on_record_as_started_for_nobody_is_asked():
    scene = Scene()
    maria = scene.join()
    shown = scene.offer(scene.rep, ActivityKind.SHOW)
    scene.update(scene.rep, shown, width=640, height=480)
    scene.offer(maria, ActivityKind.DRAW)
    scene.assist("Bogdan")  # sees both from now on: nothing begins
    scene.stop(scene.rep, shown)
    assert acts(scene) == [
        ("show_started", "account-ana", ""),
        ("draw_started", "customer", f"customer {maria}"),
        ("show_stopped", "account-ana", "stopped"),
        ("draw_stopped", "relay", "view_ended"),
    ]


@pytest.mark.rule("B-7.1", "B-7.6", "B-7.7")
@pytest.mark.parametrize("kind", [ActivityKind.VIEW, ActivityKind.VIDEO, ActivityKind.VOICE])
def test_what_was_only_asked_for_is_not_on_record_as_stopped(kind):
    scene = Scene()
    maria = scene.join()
    asked = scene.ask(scene.rep, maria, kind)
    scene.stop(maria, asked, ActivityEnd.PAGE_RELOADED)
    again = scene.ask(scene.rep, maria, kind)
    scene.stop(scene.rep, again)
    assert [(act[0].removeprefix(f"{kind.value}_"), act[1], act[2]) for act in acts(scene)] == [
        ("asked", "account-ana", f"customer {maria}"),
        ("lapsed", "customer", f"customer {maria}, page_reloaded"),
        ("asked", "account-ana", f"customer {maria}"),
        ("lapsed", "account-ana", "cancelled"),
    ]


@pytest.mark.rule("B-10.3")
def test_a_question_ended_by_a_transfer_is_not_on_record_as_a_screen_that_was_shown():
    scene = Scene()
    scene.ask(scene.rep, scene.join())
    scene.pass_on(scene.rep, queue="support")
    assert acts(scene)[-1][0::2] == ("view_lapsed", "session_transferred")
