"""Inviting: the right message opens in the right place, and there is always a text to copy."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import pytest_asyncio
from PySide6.QtCore import QObject, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit

from support_manager.errors import Refused
from support_manager.events import MailChanged
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Connection, Delivery, ParticipantView
from tests.harness.session_window import WindowUnderTest, drain, until
from ui.panels import invite, start
from ui.panels.invite import InvitePanel


class MailProgram(QObject):
    """Stands where the desktop's mail program would."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    @Slot(QUrl)
    def take(self, url: QUrl) -> None:
        self.opened.append(url.toString(QUrl.ComponentFormattingOption.FullyEncoded))


@pytest.fixture
def mail(qapp):
    program = MailProgram()
    QDesktopServices.setUrlHandler("mailto", program, "take")
    yield program
    QDesktopServices.unsetUrlHandler("mailto")


@pytest_asyncio.fixture
async def desk(qapp, mail):
    made = WindowUnderTest(email_at_start=False)
    yield made
    await made.work.aclose()
    made.close()


def panel(desk: WindowUnderTest) -> InvitePanel:
    content = desk.window.sheet.content
    assert isinstance(content, InvitePanel)
    return content


def type_and_ok(desk: WindowUnderTest, address: str) -> None:
    panel(desk).address.setText(address)
    QTest.mouseClick(desk.find("inviteOk"), Qt.MouseButton.LeftButton)
    drain()


@pytest.mark.rule("B-4.1", "B-4.2", "B-4.3")
async def test_the_own_mail_program_gets_the_message_written_out(desk, mail):
    session = desk.intents.open()
    desk.actions.invite.trigger()
    drain()
    assert QApplication.focusWidget() is panel(desk).address
    assert panel(desk).customer.isChecked()
    type_and_ok(desk, "ana@example.com")
    assert len(mail.opened) == 1
    url = urlsplit(mail.opened[0])
    fields = parse_qs(url.query)
    assert unquote(url.path) == "ana@example.com"
    assert session.view.link in fields["body"][0]
    assert "\r\n" in fields["body"][0]
    assert desk.shown("inviteShowText"), "should nothing have opened, the text is one click away"
    QTest.mouseClick(desk.find("inviteShowText"), Qt.MouseButton.LeftButton)
    assert session.view.link in desk.find("inviteText", QPlainTextEdit).toPlainText().replace("\n", "")


@pytest.mark.rule("B-4.3")
async def test_without_a_mail_program_there_is_the_text_with_a_copy_button(desk, monkeypatch):
    monkeypatch.setattr(QDesktopServices, "openUrl", staticmethod(lambda _url: False))
    session = desk.intents.open()
    desk.actions.invite.trigger()
    type_and_ok(desk, "ana@example.com")
    assert "No mail program" in desk.find("inviteFallbackWhy", QLabel).text()
    QTest.mouseClick(desk.find("inviteCopyText"), Qt.MouseButton.LeftButton)
    assert session.view.link in QApplication.clipboard().text().replace("\n", "")


async def by_relay(desk: WindowUnderTest, address: str) -> str:
    """Have the relay send an invitation; the words that the panel shows then."""
    session = desk.intents.open()
    desk.actions.invite.trigger()
    panel(desk).own_program.setChecked(False)
    await until(lambda: not desk.intents.settings.own_mail_program)
    type_and_ok(desk, address)
    await until(lambda: desk.shown("inviteDelivery"))
    assert ("mail_invitation", session.id, address, "en", False) in desk.intents.asked
    return plain(desk.find("inviteDelivery", QLabel).text())


def plain(text: str) -> str:
    return text.replace("\u2068", "").replace("\u2069", "")


@pytest.mark.rule("B-4.4")
async def test_the_relay_sends_and_the_panel_says_what_became_of_it(desk, mail):
    assert await by_relay(desk, "ana@example.com") == "Sending to ana@example.com…"
    assert mail.opened == []
    desk.intents.emit(MailChanged("s1", "mail-1", Delivery.SENT))
    drain()
    assert plain(desk.find("inviteDelivery", QLabel).text()) == "Sent to ana@example.com."
    desk.translator.set_language("ro")
    assert plain(desk.find("inviteDelivery", QLabel).text()) == "Trimis către ana@example.com."


@pytest.mark.rule("B-4.4")
async def test_the_servers_error_is_shown_as_plain_text_with_the_text_at_hand(desk):
    await by_relay(desk, "ana@example.com")
    said = "550 <b>No such user</b>\nhere\u202e"
    desk.intents.emit(MailChanged("s1", "mail-1", Delivery.FAILED, ErrorCode.MAIL_FAILED, said))
    drain()
    words = desk.find("inviteDelivery", QLabel)
    assert words.textFormat() is Qt.TextFormat.PlainText
    assert plain(words.text()).endswith("The server says: 550 <b>No such user</b> here")
    assert "Not sent to ana@example.com. The mail server did not take the message." in plain(words.text())
    QTest.mouseClick(desk.find("inviteShowText"), Qt.MouseButton.LeftButton)
    assert desk.shown("inviteText")


@pytest.mark.rule("B-4.4")
@pytest.mark.parametrize("code", [ErrorCode.TOO_MANY_TRIES, ErrorCode.MAIL_NOT_SET_UP, ErrorCode.NOT_SUPPORTED])
async def test_what_the_relay_refuses_is_said_in_the_panel(desk, code):
    desk.intents.open()
    desk.actions.invite.trigger()
    panel(desk).own_program.setChecked(False)
    await until(lambda: not desk.intents.settings.own_mail_program)
    desk.intents.error = Refused(code)
    type_and_ok(desk, "ana@example.com")
    await until(lambda: desk.find("inviteProblem", QLabel).text())
    assert desk.find("inviteProblem", QLabel).text() == desk.work.sentence(Refused(code))
    assert not desk.shown("inviteDelivery")


async def test_news_that_come_before_the_answer_are_not_lost(desk):
    desk.intents.open()
    desk.actions.invite.trigger()
    panel(desk).take_mail(MailChanged("s1", "mail-1", Delivery.SENT))
    panel(desk)._on_its_way("mail-1", "ana@example.com")
    assert plain(desk.find("inviteDelivery", QLabel).text()) == "Sent to ana@example.com."


async def test_with_the_panel_closed_a_notice_says_it(desk):
    await by_relay(desk, "ana@example.com")
    notices = []
    desk.work.notice.connect(lambda notice: notices.append(plain(notice.text)))
    desk.window.sheet.close_sheet()
    desk.intents.emit(MailChanged("s1", "mail-1", Delivery.SENT))
    desk.intents.emit(MailChanged("s1", "another's", Delivery.SENT))
    assert notices == ["Sent to ana@example.com."]


@pytest.mark.rule("B-4.6")
@pytest.mark.parametrize(
    "address",
    ["", "ana", "ana@", "@example.com", "ana@example", "a b@example.com", "ana@ex.com\nBcc: x@y.ro", "a@b..ro"],
)
async def test_invalid_addresses_are_refused_before_sending(desk, mail, address):
    desk.intents.open()
    desk.actions.invite.trigger()
    type_and_ok(desk, address)
    assert mail.opened == []
    assert desk.find("inviteProblem", QLabel).text()
    assert not desk.shown("inviteFallback")
    QTest.keyClicks(panel(desk).address, "x")
    assert desk.find("inviteProblem", QLabel).text() == ""


@pytest.mark.rule("B-4.1", "B-4.6")
async def test_a_colleague_gets_the_number_and_never_the_customers_link(desk, mail):
    session = desk.intents.open()
    desk.actions.invite.trigger()
    QTest.mouseClick(desk.find("inviteRep"), Qt.MouseButton.LeftButton)
    type_and_ok(desk, "dan@example.com")
    body = parse_qs(urlsplit(mail.opened[0]).query)["body"][0]
    assert "482 119 903" in body
    assert "Assist Session" in body
    assert "#" not in body
    assert session.view.link not in body
    assert not desk.shown("inviteLink")


@pytest.mark.rule("B-4.5")
async def test_link_message_and_phone_are_there_to_copy_and_to_say(desk):
    session = desk.intents.open()
    desk.actions.invite.trigger()
    drain()
    for name, wanted in (("inviteCopyLink", session.view.link), ("inviteCopyMessage", session.view.link)):
        QTest.mouseClick(desk.find(name), Qt.MouseButton.LeftButton)
        assert wanted in QApplication.clipboard().text()
    assert desk.find("inviteNumberFigures", QLabel).text() == "482\u00a0119\u00a0903"
    assert "482 119 903" in desk.find("invitePhone", QLabel).text()


async def test_escape_closes_and_tab_stays_inside(desk):
    desk.intents.open()
    desk.actions.invite.trigger()
    await until(desk.window.isActiveWindow)
    for _ in range(20):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        assert desk.window.sheet.isAncestorOf(QApplication.focusWidget())
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Escape)
    assert desk.window.sheet.content is None


async def test_it_leaves_when_the_customer_has_come_and_the_focus_goes_on(desk):
    session = desk.intents.open()
    QTest.mouseClick(desk.find("waitingInvite"), Qt.MouseButton.LeftButton)
    await until(lambda: QApplication.focusWidget() is panel(desk).address)
    desk.intents.join(session.id)
    drain()
    assert desk.window.sheet.content is None
    assert desk.shown("stateAsk")
    assert QApplication.focusWidget() is desk.find("chatInput")


async def test_the_panel_that_came_with_the_start_leaves_when_the_customer_has_come(qapp, mail):
    desk = WindowUnderTest(email_at_start=True, own_mail_program=False)
    QTest.mouseClick(desk.find("startButton"), Qt.MouseButton.LeftButton)
    await until(lambda: desk.window.sheet.content is not None)
    desk.intents.join(next(iter(desk.intents.sessions)))
    drain()
    assert desk.window.sheet.content is None
    assert QApplication.focusWidget() is desk.find("chatInput")
    await desk.work.aclose()
    desk.close()


async def test_it_stays_for_what_is_not_finished_and_then_for_good(desk):
    session = desk.intents.open()
    desk.actions.invite.trigger()
    QTest.keyClicks(panel(desk).address, "dan@exam")
    desk.intents.join(session.id)
    drain()
    assert panel(desk).address.text() == "dan@exam"
    panel(desk).address.clear()
    desk.intents.customer(session.id, connection=Connection.LOST)
    desk.intents.join(session.id)
    drain()
    panel(desk)


async def test_it_stays_while_a_colleague_is_invited(desk):
    session = desk.intents.open()
    desk.actions.invite.trigger()
    QTest.mouseClick(desk.find("inviteRep"), Qt.MouseButton.LeftButton)
    desk.intents.join(session.id)
    drain()
    assert panel(desk).rep.isChecked()


@pytest.mark.parametrize("program", [True, False])
async def test_what_was_sent_does_not_keep_it(desk, mail, program):
    if program:
        desk.intents.open()
        desk.actions.invite.trigger()
        type_and_ok(desk, "ana@example.com")
        assert len(mail.opened) == 1
    else:
        await by_relay(desk, "ana@example.com")
        desk.intents.emit(MailChanged("s1", "mail-1", Delivery.SENT))
    desk.intents.join("s1")
    drain()
    assert desk.window.sheet.content is None


@pytest.mark.parametrize("state", [None, Delivery.FAILED])
async def test_it_stays_while_a_message_is_on_its_way_and_when_it_failed(desk, state):
    await by_relay(desk, "ana@example.com")
    if state is not None:
        desk.intents.emit(MailChanged("s1", "mail-1", state, ErrorCode.MAIL_FAILED, "550 no"))
        panel(desk).address.clear()
    desk.intents.join("s1")
    drain()
    assert desk.shown("inviteDelivery")


async def test_it_stays_while_the_relay_is_asked_and_when_it_refuses(desk):
    session = desk.intents.open()
    desk.actions.invite.trigger()
    panel(desk).own_program.setChecked(False)
    await until(lambda: not desk.intents.settings.own_mail_program)
    desk.intents.error = Refused(ErrorCode.TOO_FAST)
    type_and_ok(desk, "ana@example.com")
    assert desk.work.running("mail_invitation"), "not answered yet"
    panel(desk).address.clear()
    desk.intents.join(session.id)
    await until(lambda: desk.find("inviteProblem", QLabel).text())


async def test_what_the_relay_refused_is_not_sent(desk):
    session = desk.intents.open()
    desk.actions.invite.trigger()
    panel(desk).own_program.setChecked(False)
    await until(lambda: not desk.intents.settings.own_mail_program)
    desk.intents.error = Refused(ErrorCode.TOO_FAST)
    type_and_ok(desk, "ana@example.com")
    await until(lambda: desk.find("inviteProblem", QLabel).text())
    desk.intents.join(session.id)
    drain()
    assert panel(desk).address.text() == "ana@example.com"


async def test_opened_beside_a_customer_it_stays_and_for_one_who_closed_the_page_it_leaves(desk):
    session = desk.intents.open()
    desk.intents.join(session.id)
    desk.actions.invite.trigger()
    desk.intents.say(session.id)
    desk.intents.customer(session.id, connection=Connection.LOST)
    desk.intents.customer(session.id, connection=Connection.ONLINE)
    drain()
    panel(desk)
    desk.window.sheet.close_sheet()
    desk.intents.customer(session.id, connection=Connection.CLOSED_PAGE)
    desk.actions.invite.trigger()
    desk.intents.join(session.id)
    drain()
    assert desk.window.sheet.content is None


async def test_neither_a_colleague_nor_who_waits_nor_another_session_closes_it(desk):
    first, second = desk.intents.open("111222333"), desk.intents.open("444555666")
    drain()
    desk.window.tabs.choose(second.id)
    desk.actions.invite.trigger()
    desk.intents.join(first.id)
    desk.intents.end(first.id)
    people = desk.intents.sessions[second.id].view.participants
    for role in (Role.ASSISTANT, Role.WAITING):
        other = ParticipantView(id=role.value, role=role, name="Dan", connection=Connection.ONLINE, joined_at=2)
        people = (*people, other)
    desk.intents.change(second.id, view={"participants": people})
    drain()
    panel(desk)
    desk.intents.join(second.id)
    drain()
    assert desk.window.sheet.content is None


@pytest.mark.rule("B-3.1", "B-3.2")
async def test_start_with_email_opens_the_mail_program(qapp, mail):
    desk = WindowUnderTest(email_at_start=True, own_mail_program=True, own_mail_chosen=True)
    assert desk.window.start_page.email.isChecked()
    QTest.keyClicks(desk.find("startCode"), "T-17")
    QTest.mouseClick(desk.find("startButton"), Qt.MouseButton.LeftButton)
    await until(lambda: mail.opened)
    assert ("start_session", None, "T-17") in desk.intents.asked
    assert urlsplit(mail.opened[0]).path == "", "the address is for the rep to type"
    assert desk.window.sheet.content is None
    await desk.work.aclose()
    desk.close()


@pytest.mark.rule("B-3.2")
async def test_start_with_email_opens_the_panel_where_the_box_was_not_ticked(qapp, mail):
    desk = WindowUnderTest(email_at_start=True, own_mail_program=False)
    QTest.mouseClick(desk.find("startButton"), Qt.MouseButton.LeftButton)
    await until(lambda: desk.window.sheet.content is not None)
    await until(lambda: QApplication.focusWidget() is panel(desk).address)
    assert mail.opened == []
    await desk.work.aclose()
    desk.close()


@pytest.mark.rule("B-3.2")
async def test_start_opens_no_mail_program_that_nobody_has_chosen(qapp, mail):
    desk = WindowUnderTest(email_at_start=True)
    QTest.mouseClick(desk.find("startButton"), Qt.MouseButton.LeftButton)
    await until(lambda: desk.window.sheet.content is not None)
    assert panel(desk).own_program.isChecked(), "offered, not yet chosen"
    assert mail.opened == []
    QTest.keyClicks(panel(desk).address, "ana@example.org")
    QTest.keyClick(panel(desk).address, Qt.Key.Key_Return)
    await until(lambda: mail.opened)
    await until(lambda: desk.intents.settings.own_mail_chosen)
    await desk.work.aclose()
    desk.close()


@pytest.mark.rule("B-3.3")
async def test_start_without_email_opens_nothing_and_is_remembered(qapp, mail):
    desk = WindowUnderTest(email_at_start=True)
    desk.window.start_page.email.click()
    await until(lambda: not desk.intents.settings.email_at_start)
    QTest.mouseClick(desk.find("startButton"), Qt.MouseButton.LeftButton)
    await until(lambda: desk.intents.sessions)
    drain()
    assert mail.opened == []
    assert desk.window.sheet.content is None
    assert desk.shown("waitingNumber")
    await desk.work.aclose()
    desk.close()


@pytest.mark.rule("B-3.4")
async def test_the_mode_is_asked_only_where_both_are_allowed(desk):
    import msgspec

    from support_manager.protocol.views import Mode

    assert not desk.shown("startMode")
    desk.intents.account = msgspec.structs.replace(desk.intents.account, modes=(Mode.MULTI, Mode.SINGLE))
    desk.window.start_page.show_state()
    assert desk.shown("startMode")
    desk.window.start_page.mode.setCurrentIndex(1)
    QTest.mouseClick(desk.find("startButton"), Qt.MouseButton.LeftButton)
    await until(lambda: ("start_session", Mode.SINGLE, "") in desk.intents.asked)


def test_panels_open_nothing_by_themselves():
    """Only `open_mail_program` hands anything to the desktop."""
    source = invite.__loader__.get_source(invite.__name__)
    assert source.count("openUrl") == 1
    assert "openUrl" not in start.__loader__.get_source(start.__name__)


async def test_the_box_follows_a_setting_changed_in_the_preferences(desk):
    desk.intents.open()
    desk.window.show_invite()
    drain()
    assert desk.find("inviteOwnProgram").isChecked()
    desk.actions.preferences.trigger()
    drain()
    box = desk.find("preferences_dialog_own_mail_program")
    box.click()
    await until(lambda: not desk.intents.settings.own_mail_program)
    desk.find("preferences_dialog_close").click()
    await until(lambda: not desk.find("inviteOwnProgram").isChecked())
    changes = [asked for asked in desk.intents.asked if asked[0] == "change_settings" and "own_mail" in str(asked)]
    assert len(changes) == 1, "following a setting must not set it again"
