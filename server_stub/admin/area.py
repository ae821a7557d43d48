"""The admin area's door: who may come in, whose forms count, one act at a time, and what every page has around it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import structlog
from aiohttp import web

from resources import catalog
from server_stub.admin.accounts import AccountPages
from server_stub.admin.asking import Answer, Asking, GoneError, GoTo, failed
from server_stub.admin.audit_log import AuditPages
from server_stub.admin.audit_reading import BadDayError
from server_stub.admin.live_sessions import SessionPages
from server_stub.admin.queues import QueuePages
from server_stub.admin.site_settings import SettingPages
from server_stub.audit import Audit
from server_stub.ending import Ending
from server_stub.forms import TOKEN_FIELD, Form, is_from_elsewhere, read_form
from server_stub.mail import Postman
from server_stub.markup import Html, joined, tag
from server_stub.members import Members
from server_stub.page_frame import choose_language, framed, keep_language
from server_stub.settings import LiveSettings
from server_stub.state.refused import Refused
from server_stub.store.database import Database, StoreError
from server_stub.store.journal import JournalFailed
from server_stub.transport import client_address
from server_stub.visitors import Visitor, Visitors, is_same
from support_manager.protocol.wire import ProtocolError

log = structlog.get_logger(__name__)

ROOT = "/admin"
SECTIONS = ("accounts", "queues", "sessions", "settings", "mail", "audit")
_NO_STORE = {"Cache-Control": "no-store", "Vary": "Accept-Language, Cookie"}
Page = Callable[[Asking], Awaitable[Answer | GoTo]]


class AdminArea:
    """Serves `/admin`.

    Args:
        visitors: who is signed in.
        settings: the running relay's settings.
        database: open.
        members: the live sessions.
        ending: ends them.
        postman: sends the mail that tries the mail server.
    """

    def __init__(
        self,
        visitors: Visitors,
        settings: LiveSettings,
        database: Database,
        members: Members,
        ending: Ending,
        postman: Postman,
    ) -> None:
        self._visitors = visitors
        self._settings = settings
        self._members = members
        self._act = asyncio.Lock()
        """One act at a time: what one of them checked still holds when it writes."""
        self._audit = Audit(database)
        self._accounts = AccountPages(database)
        self._queues = QueuePages(database)
        self._setting_pages = SettingPages(database, postman, self._audit)
        self._sessions = SessionPages(members, ending)
        self._audit_pages = AuditPages(database)

    def pages(self) -> dict[str, Page]:
        """Address → page, to be read."""
        return {
            ROOT: self._overview,
            f"{ROOT}/accounts": self._accounts.everyone,
            f"{ROOT}/accounts/new": self._accounts.new,
            f"{ROOT}/accounts/{{id}}": self._accounts.show,
            f"{ROOT}/queues": self._queues.everyone,
            f"{ROOT}/queues/new": self._queues.new,
            f"{ROOT}/queues/{{slug}}": self._queues.show,
            f"{ROOT}/sessions": self._sessions.everyone,
            f"{ROOT}/settings": self._setting_pages.show_site,
            f"{ROOT}/mail": self._setting_pages.show_mail,
            f"{ROOT}/audit": self._audit_pages.show,
        }

    def acts(self) -> dict[str, Page]:
        """Address → what a form sent there does."""
        return {
            f"{ROOT}/accounts/new": self._accounts.add,
            f"{ROOT}/accounts/{{id}}/rights": self._accounts.change,
            f"{ROOT}/accounts/{{id}}/password": self._accounts.password,
            f"{ROOT}/accounts/{{id}}/close": self._accounts.close,
            f"{ROOT}/accounts/{{id}}/open": self._accounts.reopen,
            f"{ROOT}/queues/new": self._queues.add,
            f"{ROOT}/queues/{{slug}}/change": self._queues.change,
            f"{ROOT}/queues/{{slug}}/members": self._queues.members,
            f"{ROOT}/queues/{{slug}}/remove": self._queues.remove,
            f"{ROOT}/sessions/{{id}}/end": self._sessions.end,
            f"{ROOT}/settings": self._setting_pages.save_site,
            f"{ROOT}/mail": self._setting_pages.save_mail,
            f"{ROOT}/mail/try": self._setting_pages.attempt,
        }

    def attach(self, app: web.Application) -> None:
        """Answer for every address of the area; those that are not there are refused like those that are."""
        for address, page in self.pages().items():
            app.router.add_get(address, self._guarded(page))
        for address, act in self.acts().items():
            app.router.add_post(address, self._guarded(act))
        app.router.add_get(f"{ROOT}/audit.csv", self._csv)
        app.router.add_get(ROOT + "/{rest:.*}", self._guarded(_nowhere))

    def _guarded(self, page: Page) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        # A mail server may take its time; nobody else waits for it.
        is_slow = page == self._setting_pages.attempt

        async def handle(request: web.Request) -> web.StreamResponse:
            language, chosen = choose_language(request)
            visitor: Visitor | None = None
            try:
                form = await read_form(request) if request.method == "POST" else Form({})
                async with AsyncExitStack() as turn:
                    if request.method == "POST" and not is_slow:
                        await turn.enter_async_context(self._act)
                    visitor = await self._visitors.visitor(request)
                    refusal = self._refusal(request, visitor, form, language)
                    if refusal is not None:
                        return refusal
                    assert visitor is not None  # noqa: S101 - refused above
                    answer = await page(self._asking(request, visitor, language, form))
            except GoneError:
                answer = self._failure(language, "gone", 404)
            except (ProtocolError, UnicodeError):
                answer = self._failure(language, "bad_form", 400)
            except (StoreError, JournalFailed, Refused) as error:
                log.error("the admin area failed", error=type(error).__name__)
                answer = self._failure(language, "busy", 503)
            if isinstance(answer, GoTo):
                address = f"{answer.path}?said={answer.said}" if answer.said else answer.path
                return web.Response(status=303, headers={"Location": address, **_NO_STORE})
            response = self._response(request, visitor, language, answer)
            if chosen:
                keep_language(response, language, self._settings)
            return response

        return handle

    def _asking(self, request: web.Request, visitor: Visitor, language: str, form: Form) -> Asking:
        address = client_address(request, behind_proxy=self._settings.behind_proxy)
        return Asking(request, visitor, language, form, address)

    def _refusal(
        self, request: web.Request, visitor: Visitor | None, form: Form, language: str
    ) -> web.StreamResponse | None:
        if visitor is None:
            address = f"/sign-in?next={request.path}" if request.method == "GET" else "/sign-in"
            return web.Response(status=303, headers={"Location": address, **_NO_STORE})
        if not visitor.is_admin:
            log.warning("admin area refused", account=visitor.account.id)
            answer = self._failure(language, "no_privilege", 403, leads="desk")
            return self._response(request, visitor, language, answer)
        if request.method != "POST":
            return None
        elsewhere = is_from_elsewhere(request, self._settings.allowed_origins)
        if elsewhere or not is_same(visitor.form_token, form.text(TOKEN_FIELD)):
            log.warning("foreign form refused", account=visitor.account.id)
            return self._response(request, visitor, language, self._failure(language, "foreign_form", 403))
        return None

    def _failure(self, language: str, key: str, status: int, *, leads: str = "back") -> Answer:
        """What went wrong, and a way on: to the overview, or for whoever may not see that to his own page."""
        title = catalog.sentence(language, "admin", "failure.title")
        words = catalog.sentence(language, "admin", f"failure.{key}")
        address = ROOT if leads == "back" else f"/{leads}"
        back = tag("a", catalog.sentence(language, "admin", f"failure.{leads}"), href=address, class_="button")
        return Answer(title, joined(tag("h1", title), failed(words), tag("p", back, class_="actions")), status)

    def _response(self, request: web.Request, visitor: Visitor | None, language: str, answer: Answer) -> web.Response:
        is_admin = visitor is not None and visitor.is_admin
        content = joined(
            self._sections(request.path, language) if is_admin else None,
            _said(request.query.get("said", ""), language) if request.method == "GET" else None,
            answer.content,
        )
        page = request.path if request.method == "GET" else request.path.rpartition("/")[0]
        text = framed(
            content=content,
            title=answer.title,
            path=page,
            language=language,
            company=self._settings.company,
            visitor=visitor,
            wide=True,
        )
        headers = {**_NO_STORE, "Content-Language": language}
        return web.Response(text=text, status=answer.status, content_type="text/html", charset="utf-8", headers=headers)

    @staticmethod
    def _sections(path: str, language: str) -> Html:
        links = []
        for address, key in ((ROOT, "overview"), *((f"{ROOT}/{section}", section) for section in SECTIONS)):
            here = path == address or (address != ROOT and path.startswith(f"{address}/"))
            words = catalog.sentence(language, "admin", f"{key}.title")
            links.append(tag("a", words, href=address, aria_current="page" if here else "false"))
        return tag("nav", *links, class_="sections", aria_label=catalog.sentence(language, "admin", "sections"))

    async def _overview(self, asking: Asking) -> Answer:
        t = asking.t
        live = self._members.live.registry.live()
        mail = self._settings.mail.is_set_up
        figures = (
            ("sessions", len(live), t("overview.sessions")),
            ("sessions", sum(len(session.customers()) for session in live), t("overview.customers")),
            ("mail", t("overview.mail_on" if mail else "overview.mail_off"), t("mail.title")),
        )
        cards = (
            tag("a", tag("strong", value), tag("span", words), href=f"{ROOT}/{section}")
            for section, value, words in figures
        )
        lead = tag("p", t("overview.lead", company=self._settings.company), class_="lead")
        return Answer(
            t("overview.title"), joined(tag("h1", t("overview.title")), lead, tag("div", *cards, class_="figures"))
        )

    async def _csv(self, request: web.Request) -> web.StreamResponse:
        language, _ = choose_language(request)
        visitor = await self._visitors.visitor(request)
        refusal = self._refusal(request, visitor, Form({}), language)
        if refusal is not None or visitor is None:
            return refusal or web.Response(status=403)
        asking = self._asking(request, visitor, language, Form({}))
        rows = self._audit_pages.csv(asking)
        try:
            first = await anext(rows)
            await self._audit.record(
                "audit_exported", who=asking.who, what=request.query_string[:500], address=asking.address
            )
        except BadDayError:
            return self._response(request, visitor, language, self._failure(language, "bad_form", 400))
        headers = {
            **_NO_STORE,
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": 'attachment; filename="audit.csv"',
        }
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await response.write(first)
        async for line in rows:
            await response.write(line)
        await response.write_eof()
        return response


async def _nowhere(asking: Asking) -> Answer:
    raise GoneError


def _said(key: str, language: str) -> Html:
    known = key in catalog.load(language, "admin") and key in SAID
    return tag("p", catalog.sentence(language, "admin", key), class_="said", role="status") if known else Html()


SAID = frozenset(
    (
        *("saved", "account.added", "account.password_changed", "account.was_closed", "account.was_opened"),
        *("queue.added", "queue.removed", "session.ended", "session.was_over"),
    )
)
"""What a page may be told to say by its address."""
