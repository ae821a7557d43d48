"""The controller against the real relay: sign-in, sessions, chat, media signalling, restarts of either side."""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import keyring
import pytest

from support_manager.controller import Controller
from support_manager.credentials import CredentialStore
from support_manager.errors import AppCode, CertificateProblem, Refused, RelayUnavailable
from support_manager.events import (
    AppEvent,
    Attention,
    Failed,
    Happening,
    Link,
    LinkChanged,
    Picture,
    PictureStats,
    SessionClosed,
    SessionOpened,
    SignedIn,
    SignedOut,
)
from support_manager.media.engine import Liveness, PeerKey
from support_manager.protocol import requests, signals
from support_manager.protocol.activities import ActivityState, Source
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.events import ActivityChanged, SessionEnded, SignalReceived
from support_manager.protocol.views import EndReason, Mode
from support_manager.settings import SettingsStore
from tests.harness.agents import set_site
from tests.harness.keyrings import MemoryRing
from tests.harness.relay import PASSWORD, ROOT, Client, RelayProcess, page
from tests.harness.scripted_engine import ScriptedEngine

T = TypeVar("T")


ALLOWED = frozenset({f"{MemoryRing.__module__}.{MemoryRing.__qualname__}"})


class App:
    """A controller and all the events it has sent."""

    def __init__(self, profile: Path) -> None:
        self.engine = ScriptedEngine()
        self.controller = Controller(
            SettingsStore(profile), CredentialStore(allowed=ALLOWED), lambda: self.engine, rng=random.Random(1)
        )
        self.events: list[AppEvent] = []
        self.controller.subscribe(self.events.append)

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition: Callable[[], T], within_s: float = 15.0) -> T:
        deadline = time.monotonic() + within_s
        while not (found := condition()):
            assert time.monotonic() < deadline, f"not seen in {within_s} s; {self.events[-12:]}"
            await asyncio.sleep(0.01)
        return found

    async def noticed(self, what: Happening) -> Attention:
        return await self.until(lambda: next((each for each in self.of(Attention) if each.what is what), None))

    async def sign_in(self, relay: RelayProcess, *, stay: bool = True) -> None:
        await self.controller.sign_in(relay.url, "ana", PASSWORD, stay=stay)
        await self.until(lambda: self.controller.link is Link.ONLINE)

    def chat(self, session_id: str) -> list[str]:
        return [line.text for line in self.controller.sessions[session_id].view.chat]


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess() as process:
        process.add_user("ana", "Ana Pop")
        yield process


@pytest.fixture(autouse=True)
def ring() -> Iterator[MemoryRing]:
    before = keyring.get_keyring()
    made = MemoryRing()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    made = App(tmp_path)
    yield made
    for session_id in list(made.controller.sessions):
        if made.controller.link is Link.ONLINE:
            await made.controller.end_session(session_id)
    async with asyncio.timeout(5):
        await made.controller.aclose()
    left = [each.get_name() for each in asyncio.all_tasks() if each is not asyncio.current_task()]
    assert not [name for name in left if ":" in name], "no task of ours is left"


async def joined(app: App, relay: RelayProcess, client: Client) -> str:
    session = await app.controller.start_session()
    await client.join("Ion", link=session.view.link)
    await app.noticed(Happening.JOINED)
    return session.id


# --- signing in


async def test_sign_in_tells_who_and_keeps_a_token_in_the_keyring_only(
    app: App, relay: RelayProcess, ring: MemoryRing, tmp_path: Path
) -> None:
    await app.sign_in(relay)
    assert app.controller.account is not None
    assert app.controller.account.display_name == "Ana Pop"
    assert app.of(SignedIn)[0].kept
    assert len(ring.kept) == 1
    token = next(iter(ring.kept.values()))
    assert all(token not in (tmp_path / each).read_text() for each in os.listdir(tmp_path)), "never in a file"
    assert [each.link for each in app.of(LinkChanged)] == [Link.CONNECTING, Link.ONLINE]
    assert app.controller.settings.account_name == "ana"


async def test_without_staying_nothing_is_kept(app: App, relay: RelayProcess, ring: MemoryRing, tmp_path: Path) -> None:
    await app.sign_in(relay, stay=False)
    assert ring.kept == {}
    assert not app.of(SignedIn)[0].kept
    assert app.of(SignedIn)[0].kept_problem is None
    again = App(tmp_path)
    await again.controller.start()
    assert again.controller.account is None
    assert again.events == []
    await again.controller.aclose()


async def test_without_a_keyring_the_rep_is_signed_in_for_this_run_and_told(app: App, relay: RelayProcess) -> None:
    from keyring.backends.fail import Keyring

    keyring.set_keyring(Keyring())
    await app.sign_in(relay)
    assert not app.of(SignedIn)[0].kept
    assert app.of(SignedIn)[0].kept_problem is AppCode.KEYRING_UNAVAILABLE


async def test_a_wrong_password_changes_nothing(app: App, relay: RelayProcess) -> None:
    with pytest.raises(Refused) as caught:
        await app.controller.sign_in(relay.url, "ana", "not the password", stay=True)
    assert caught.value.code is ErrorCode.WRONG_CREDENTIALS
    assert app.controller.link is Link.SIGNED_OUT
    assert app.events == []


async def test_no_relay_at_that_address(app: App, unused_tcp_port: int) -> None:
    with pytest.raises(RelayUnavailable) as caught:
        await app.controller.sign_in(f"http://127.0.0.1:{unused_tcp_port}", "ana", PASSWORD, stay=True)
    assert caught.value.code is AppCode.RELAY_UNREACHABLE


async def test_signing_out_revokes_what_was_kept(
    app: App, relay: RelayProcess, ring: MemoryRing, tmp_path: Path
) -> None:
    await app.sign_in(relay)
    kept = dict(ring.kept)
    await app.controller.sign_out()
    assert ring.kept == {}
    assert app.controller.link is Link.SIGNED_OUT
    assert app.of(SignedOut) == [SignedOut(None)]
    ring.kept |= kept
    again = App(tmp_path)
    await again.controller.change_settings(stay_signed_in=True)
    await again.controller.start()
    await again.until(lambda: again.of(SignedOut))
    assert again.of(SignedOut)[0].code is not None, "said, not silent"
    assert again.controller.account is None
    assert ring.kept == {}, "a token that is worth nothing is not kept"
    await again.controller.aclose()


# --- the main job


@pytest.mark.rule("B-3.1", "B-7.4", "B-12.1")
async def test_a_session_from_start_to_end(app: App, relay: RelayProcess) -> None:
    await app.sign_in(relay)
    session = await app.controller.start_session()
    assert len(session.view.number) == 9
    assert session.view.link.startswith(relay.url + "/join#")
    assert [each.session.id for each in app.of(SessionOpened)] == [session.id]
    invitation = app.controller.invitation(session.id, "ro", "ion@example.org")
    assert session.view.link in invitation.text
    async with page(relay.url) as client:
        await client.join("Ion", link=session.view.link)
        assert (await app.noticed(Happening.JOINED)).name == "Ion"
        await app.controller.send_chat(session.id, "Bună ziua!")
        assert [each.text for each in app.controller.sessions[session.id].pending] == ["Bună ziua!"]
        await client.wait(lambda: client.lines == ["Bună ziua!"])
        await client.say("Salut")
        assert (await app.noticed(Happening.CHAT)).line is not None
        await app.until(lambda: app.chat(session.id) == ["Bună ziua!", "Salut"])
        await app.until(lambda: app.controller.sessions[session.id].pending == ())
        await app.controller.end_session(session.id)
        assert (await client.wait_fact(SessionEnded)).reason is EndReason.ENDED_BY_REP
        await app.until(lambda: app.of(SessionClosed))
    assert app.controller.sessions == {}
    assert len(app.of(SessionOpened)) == 1
    with pytest.raises(Refused) as caught:
        await app.controller.send_chat(session.id, "too late")
    assert caught.value.code is ErrorCode.SESSION_UNKNOWN


@pytest.mark.rule("B-3.4")
async def test_a_mode_that_the_administrator_has_changed_is_learned_at_the_next_start(
    app: App, relay: RelayProcess
) -> None:
    await set_site(relay.data, modes="single")
    await app.sign_in(relay)
    try:
        await set_site(relay.data, modes="multi")
        started = await app.controller.start_session()
        assert started.view.mode is Mode.MULTI
        await set_site(relay.data, modes="choice")
        assert (await app.controller.start_session(Mode.SINGLE)).view.mode is Mode.SINGLE
        await set_site(relay.data, modes="multi")
        with pytest.raises(Refused) as refusal:
            await app.controller.start_session(Mode.SINGLE)
        assert refusal.value.code == ErrorCode.NO_PRIVILEGE, "what a rep has chosen is not changed behind his back"
        assert app.controller.account is not None
        assert app.controller.account.modes == (Mode.MULTI,), "and he has the choice no longer"
    finally:
        await set_site(relay.data, modes="choice")


async def test_halves_of_characters_do_not_cost_the_connection(app: App, relay: RelayProcess) -> None:
    await app.sign_in(relay)
    session = await app.controller.start_session()
    await app.controller.send_chat(session.id, "half \ud83d, whole \U0001f600")
    await app.until(lambda: app.chat(session.id) == ["half \ufffd, whole \U0001f600"])
    await app.controller.send_chat(session.id, "  \n ")
    assert app.controller.sessions[session.id].pending == ()
    with pytest.raises(Refused) as caught:
        await app.controller.send_chat(session.id, "x" * 4001)
    assert caught.value.code is ErrorCode.TOO_LARGE
    assert app.controller.link is Link.ONLINE


async def offer(client: Client, epoch: int, *candidates: str) -> None:
    assert client.session is not None
    hub = next(each.id for each in client.session.participants if each.role.value == "controller")
    for signal in (
        signals.Offer(sdp=f"v=0\r\ns=offer {epoch}\r\n"),
        *(signals.Candidate(candidate=each, sdp_mid="0") for each in candidates),
    ):
        await client.ask(
            "signal.send", requests.SignalSend(session_id=client.session_id, to=hub, epoch=epoch, signal=signal)
        )


def signalled(client: Client, kind: type[Any]) -> list[SignalReceived]:
    return [event for name, event in client.events if name == "signal" and isinstance(event.signal, kind)]


async def share(app: App, client: Client, session_id: str) -> PeerKey:
    """Ask, allow, offer, connect, and show the first picture."""
    await app.controller.ask_view(session_id)
    asked = (await client.wait_fact(ActivityChanged)).activity
    assert asked.state is ActivityState.ASKED
    await app.until(lambda: app.controller.sessions[session_id].picture is Picture.ASKED)
    await client.ask(
        "activity.answer",
        requests.ActivityAnswer(session_id=session_id, activity_id=asked.id, accept=True, source=Source.SCREEN),
    )
    await app.noticed(Happening.SHARING)
    assert app.controller.sessions[session_id].picture is Picture.CONNECTING
    await offer(client, 1, "candidate:1", "candidate:2", "")
    await client.wait(lambda: signalled(client, signals.Answer))
    peer = app.engine.offers[0][0]
    app.engine.connect(peer)
    app.engine.show(peer)
    await app.until(lambda: app.controller.sessions[session_id].picture is Picture.LIVE)
    return peer


@pytest.mark.rule("B-7.1")
async def test_a_share_from_the_question_to_the_stop(app: App, relay: RelayProcess) -> None:
    await app.sign_in(relay)
    async with page(relay.url) as client:
        session_id = await joined(app, relay, client)
        assert app.controller.mailbox(session_id) is None
        app.controller.set_visible(session_id, True)
        peer = await share(app, client, session_id)
        assert [each[2] for each in app.engine.candidates] == ["candidate:1", "candidate:2", ""], "in order"
        answer = signalled(client, signals.Answer)[0]
        assert (answer.epoch, answer.signal.sdp) == (1, "v=0\r\ns=answer 1\r\n")
        assert app.controller.mailbox(session_id) is app.engine.mailbox(peer)
        assert app.engine.visible[peer]
        app.controller.set_visible(session_id, False)
        assert not app.engine.visible[peer]
        app.engine.show(peer, Liveness.STATIC)
        await app.until(lambda: app.controller.sessions[session_id].picture is Picture.STATIC)
        app.engine.show(peer, Liveness.TOO_LARGE)
        await app.until(lambda: app.controller.sessions[session_id].picture is Picture.TOO_LARGE)
        app.engine.show(peer, Liveness.LOST)
        await app.until(lambda: app.controller.sessions[session_id].picture is Picture.LOST)
        await app.controller.stop_view(session_id)
        await app.until(lambda: app.controller.sessions[session_id].picture is Picture.NONE)
        assert app.engine.ended == [peer]
        assert app.controller.mailbox(session_id) is None
        await app.controller.stop_view(session_id)


@pytest.mark.rule("B-7.1")
async def test_a_held_share_goes_on_with_its_picture_or_with_the_word_whichever_is_later(
    app: App, relay: RelayProcess
) -> None:
    """The picture comes from the page and the word by the relay; no third thing is waited for."""
    await app.sign_in(relay)
    async with page(relay.url) as client:
        session_id = await joined(app, relay, client)
        peer = await share(app, client, session_id)
        share_id = next(one.id for one in app.controller.sessions[session_id].view.activities)

        def picture() -> Picture:
            return app.controller.sessions[session_id].picture

        async def hold(paused: bool) -> None:
            held = requests.ActivityUpdate(session_id=session_id, activity_id=share_id, paused=paused)
            await client.ask("activity.update", held)

        for word_first in (True, False):
            await hold(True)
            await app.until(lambda: picture() is Picture.PAUSED)
            app.engine.show(peer, Liveness.STATIC)
            if word_first:
                await hold(False)
                await app.until(lambda: not app.controller.sessions[session_id].view.activities[0].paused)
                assert picture() is Picture.PAUSED, "the old picture is not said to be true"
            seen = len(app.of(PictureStats))
            app.engine.show(peer)
            if not word_first:
                await app.until(lambda before=seen: len(app.of(PictureStats)) > before)
                assert picture() is Picture.PAUSED
                await hold(False)
            await app.until(lambda: picture() is Picture.LIVE)


@pytest.mark.rule("B-7.1")
async def test_a_denied_share_is_noticed(app: App, relay: RelayProcess) -> None:
    await app.sign_in(relay)
    async with page(relay.url) as client:
        session_id = await joined(app, relay, client)
        await app.controller.ask_view(session_id)
        with pytest.raises(Refused) as caught:
            await app.controller.ask_view(session_id)
        assert caught.value.code is ErrorCode.ACTIVITY_BUSY
        asked = (await client.wait_fact(ActivityChanged)).activity
        await client.ask(
            "activity.answer", requests.ActivityAnswer(session_id=session_id, activity_id=asked.id, accept=False)
        )
        assert (await app.noticed(Happening.DENIED)).name == "Ion"
        assert app.controller.sessions[session_id].picture is Picture.NONE


async def test_a_dead_connection_asks_for_a_fresh_offer_above_the_old_one(app: App, relay: RelayProcess) -> None:
    await app.sign_in(relay)
    async with page(relay.url) as client:
        session_id = await joined(app, relay, client)
        peer = await share(app, client, session_id)
        app.engine.lose(peer)
        await app.until(lambda: app.controller.sessions[session_id].picture is Picture.LOST)
        await client.wait(lambda: signalled(client, signals.NeedOffer))
        wanted = signalled(client, signals.NeedOffer)[-1].epoch
        assert wanted > 1
        await offer(client, wanted)
        await client.wait(lambda: len(signalled(client, signals.Answer)) == 2)
        app.engine.connect(peer)
        app.engine.show(peer)
        await app.until(lambda: app.controller.sessions[session_id].picture is Picture.LIVE)


async def test_a_page_that_comes_back_unnoticed_is_asked_again_while_it_shares(app: App, relay: RelayProcess) -> None:
    await app.sign_in(relay)
    async with page(relay.url) as client:
        session_id = await joined(app, relay, client)
        peer = await share(app, client, session_id)
        app.engine.lose(peer)
        await client.wait(lambda: len(signalled(client, signals.NeedOffer)) == 1)
        await client.wait(lambda: len(signalled(client, signals.NeedOffer)) == 2, 20)
        asked = len(signalled(client, signals.NeedOffer))
        await offer(client, 2)
        await client.wait(lambda: len(signalled(client, signals.Answer)) == 2)
        app.engine.connect(peer)
        app.engine.show(peer)
        await app.until(lambda: app.controller.sessions[session_id].picture is Picture.LIVE)
        assert len(signalled(client, signals.NeedOffer)) == asked, "an offer on its way is left in peace"


# --- what must not lose anything


@pytest.mark.rule("B-12.5")
async def test_a_relay_restart_loses_no_line_and_never_touches_the_picture(tmp_path: Path) -> None:
    with RelayProcess() as own:
        own.add_user("ana", "Ana Pop")
        app = App(tmp_path)
        await app.sign_in(own)
        async with page(own.url) as client:
            session_id = await joined(app, own, client)
            peer = await share(app, client, session_id)
            await app.controller.send_chat(session_id, "line 0")
            await client.wait(lambda: client.lines == ["line 0"])
            token = client.resume_token
            first = len(app.events)
            for number in range(1, 6):
                await app.controller.send_chat(session_id, f"line {number}")
            own.kill9()
            for number in range(6, 9):
                await app.controller.send_chat(session_id, f"line {number}")
            await app.until(lambda: app.controller.link is Link.RECONNECTING)
            app.engine.show(peer)
            await asyncio.to_thread(own.restart)
        await app.until(lambda: app.controller.link is Link.ONLINE)
        async with page(own.url) as client:
            await client.resume(session_id, token)
            expected = [f"line {number}" for number in range(9)]
            await client.wait(lambda: client.lines == expected)
            await app.until(lambda: app.controller.sessions[session_id].pending == ())
            assert app.chat(session_id) == expected, "none lost, none doubled, in order"
        pictures = {each.session.picture for each in app.events[first:] if hasattr(each, "session")}
        assert pictures == {Picture.LIVE}, "the picture never pauses"
        assert app.engine.closed == []
        assert not app.of(SignedOut)
        assert not app.of(Failed)
        await app.controller.aclose()


@pytest.mark.rule("B-7.1")
async def test_looking_that_was_stopped_while_the_relay_was_away_is_over_and_the_page_learns_of_it(
    tmp_path: Path,
) -> None:
    with RelayProcess() as own:
        own.add_user("ana", "Ana Pop")
        app = App(tmp_path)
        await app.sign_in(own)
        async with page(own.url) as client:
            session_id = await joined(app, own, client)
            peer = await share(app, client, session_id)
            token = client.resume_token
            own.kill9()
            await app.until(lambda: app.controller.link is Link.RECONNECTING)
            await app.controller.stop_view(session_id)
            assert app.controller.sessions[session_id].picture is Picture.NONE
            first = len(app.events)
            app.engine.show(peer)
            await asyncio.to_thread(own.restart)
        await app.until(lambda: app.controller.link is Link.ONLINE)
        await app.until(lambda: app.engine.ended == [peer])
        async with page(own.url) as client:
            await client.resume(session_id, token)
            assert client.session is not None
            assert client.session.activities == ()
        pictures = {each.session.picture for each in app.events[first:] if hasattr(each, "session")}
        assert pictures == {Picture.NONE}, "it does not come back"
        assert not app.of(Failed)
        await app.controller.aclose()


_DOOMED = """
import asyncio, json, sys
from pathlib import Path
import keyring
from support_manager.events import Happening
from tests.integration.test_controller import PASSWORD, App, MemoryRing

async def main():
    ring = MemoryRing()
    keyring.set_keyring(ring)
    app = App(Path(sys.argv[1]))
    await app.controller.sign_in(sys.argv[2], "ana", PASSWORD, stay=True)
    session = await app.controller.start_session()
    kept = [[*key, value] for key, value in ring.kept.items()]
    print(json.dumps({"id": session.id, "link": session.view.link, "kept": kept}), flush=True)
    await app.noticed(Happening.JOINED)
    await app.controller.send_chat(session.id, "before the crash")
    await app.controller.ask_view(session.id)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.rule("B-12.5")
async def test_after_a_crash_the_sessions_are_there_and_the_picture_is_asked_for(
    relay: RelayProcess, ring: MemoryRing, tmp_path: Path
) -> None:
    doomed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _DOOMED, str(tmp_path), relay.url, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert doomed.stdout is not None
    line = b""
    while not line.startswith(b"{"):
        line = await asyncio.wait_for(doomed.stdout.readline(), 20)
    told = json.loads(line)
    async with page(relay.url) as client:
        await client.join("Ion", link=told["link"])
        asked = (await client.wait_fact(ActivityChanged)).activity
        await client.ask(
            "activity.answer",
            requests.ActivityAnswer(session_id=told["id"], activity_id=asked.id, accept=True, source=Source.SCREEN),
        )
        await offer(client, 5)
        await client.wait(lambda: signalled(client, signals.Answer))
        doomed.kill()
        await doomed.wait()

        ring.kept |= {(service, entry): secret for service, entry, secret in told["kept"]}
        app = App(tmp_path)
        started = time.monotonic()
        await app.controller.start()
        opened = (await app.until(lambda: app.of(SessionOpened)))[0]
        assert opened.recovered
        assert opened.session.id == told["id"]
        assert app.chat(told["id"]) == ["before the crash"]
        assert app.controller.sessions[told["id"]].picture is Picture.CONNECTING
        wanted = (await client.wait(lambda: signalled(client, signals.NeedOffer)))[-1].epoch
        assert wanted >= 5, "above every offer so far, though this run knows none of them"
        await offer(client, wanted)
        await app.until(lambda: app.engine.offers)
        peer = app.engine.offers[0][0]
        app.engine.connect(peer)
        app.engine.show(peer)
        await app.until(lambda: app.controller.sessions[told["id"]].picture is Picture.LIVE)
        assert time.monotonic() - started < 5
        assert not app.of(Attention), "what was there before the crash is no news"
        await app.controller.end_session(told["id"])
        await app.controller.aclose()


async def test_an_expired_token_is_renewed_once_for_all_who_wait(app: App, relay: RelayProcess) -> None:
    await app.sign_in(relay)
    signing = app.controller._way._signing
    calls = 0
    real = signing._http.refresh

    async def counted(*arguments: str) -> Any:
        nonlocal calls
        calls += 1
        return await real(*arguments)

    signing._http.refresh = counted  # type: ignore[method-assign]
    first = await signing.access(relay.url)
    tokens = await asyncio.gather(*(signing.access(relay.url, fresh=True) for _ in range(5)))
    assert calls == 1
    assert len(set(tokens)) == 1
    assert tokens[0] != first


async def test_two_apps_with_one_token_never_fail_in_silence(app: App, relay: RelayProcess, tmp_path: Path) -> None:
    await app.sign_in(relay)
    twin = App(tmp_path)
    await twin.controller.start()
    await twin.until(lambda: twin.controller.link is Link.ONLINE or twin.of(SignedOut))
    results = await asyncio.gather(
        *(each.controller._way._signing.access(relay.url, fresh=True) for each in (app, twin)), return_exceptions=True
    )
    for result in results:
        assert isinstance(result, str | Refused)
    await twin.controller.aclose()


async def test_closing_goes_on_after_a_part_that_fails(relay: RelayProcess, tmp_path: Path) -> None:
    class Stubborn(ScriptedEngine):
        async def aclose(self) -> None:
            raise OSError("the sound card is on fire")

    app = App(tmp_path)
    app.engine = Stubborn()
    await app.sign_in(relay)
    session = await app.controller.start_session()
    await app.until(lambda: app.engine._loop is not None)
    await app.controller.end_session(session.id)
    await app.controller.aclose()
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith(("sign-in:", "desk:", "link:"))] == []


# --- trust


async def test_a_self_signed_relay_is_accepted_once_and_never_silently_replaced(tmp_path: Path) -> None:
    one, two = (self_signed(tmp_path, name) for name in ("one", "two"))
    files = {"cert": tmp_path / "relay.pem", "key": tmp_path / "relay.key"}
    install(one, files)
    options = ("--tls-cert", str(files["cert"]), "--tls-key", str(files["key"]))
    app = App(tmp_path / "profile")
    with RelayProcess(tmp_path / "data", *options) as relay:
        relay.add_user("ana", "Ana Pop")
        with pytest.raises(CertificateProblem) as caught:
            await app.controller.sign_in(relay.url, "ana", PASSWORD, stay=True)
        assert caught.value.code is AppCode.CERTIFICATE_UNKNOWN
        fingerprint = caught.value.params["fingerprint"]
        await app.controller.accept_certificate(relay.url, fingerprint)
        await app.sign_in(relay)
        session = await app.controller.start_session()
        relay.kill9()
        install(two, files)
        await asyncio.to_thread(relay.restart)
        problem = (await app.until(lambda: app.of(Failed)))[0]
        assert problem.code is AppCode.CERTIFICATE_CHANGED
        assert problem.params["fingerprint"] != fingerprint
        assert app.controller.link is Link.RECONNECTING
        await app.controller.accept_certificate(relay.url, problem.params["fingerprint"])
        await app.until(lambda: app.controller.link is Link.ONLINE)
        await app.controller.end_session(session.id)
        again = App(tmp_path / "profile")
        await again.controller.start()
        await again.until(lambda: again.controller.link is Link.ONLINE)
        for each in (app, again):
            await each.controller.aclose()


def self_signed(folder: Path, name: str) -> tuple[bytes, bytes]:
    """Certificate and key, made by the same tool as an administrator's."""
    paths = [folder / f"{name}.{kind}" for kind in ("pem", "key")]
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", f"/CN={name}", "-out", str(paths[0]), "-keyout", str(paths[1])),
        ],
        check=True,
        capture_output=True,
    )
    return paths[0].read_bytes(), paths[1].read_bytes()


def install(pair: tuple[bytes, bytes], files: dict[str, Path]) -> None:
    files["cert"].write_bytes(pair[0])
    files["key"].write_bytes(pair[1])
    files["key"].chmod(0o600)
