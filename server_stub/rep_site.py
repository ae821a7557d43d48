"""A rep on the site: signs in and out by cookie; his own page has Start, Assist Session and his open sessions."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog
from aiohttp import web

import resources
from resources import catalog
from resources.invitations import in_threes
from server_stub.audit import Audit
from server_stub.forms import TOKEN_FIELD, is_from_elsewhere, read_form
from server_stub.http_api import HttpApi
from server_stub.markup import Html, joined, tag
from server_stub.page_frame import choose_language, fill, framed, keep_language
from server_stub.settings import LiveSettings
from server_stub.state.model import Participant, Session
from server_stub.store.database import StoreError
from server_stub.transport import client_address
from server_stub.visitors import Visitor, Visitors, is_same
from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.wire import ProtocolError

log = structlog.get_logger(__name__)

_NEXT = re.compile(r"/(desk|admin)(/[A-Za-z0-9_-]+)*")
"""Where a sign-in may lead: this site's own pages for reps and nothing else."""
_STATUS = {
    ErrorCode.WRONG_CREDENTIALS: 401,
    ErrorCode.ACCOUNT_DISABLED: 403,
    ErrorCode.NOT_ALLOWED: 403,
    ErrorCode.TOO_MANY_TRIES: 429,
    ErrorCode.RELAY_BUSY: 503,
}
_NO_STORE = {"Cache-Control": "no-store", "Vary": "Accept-Language, Cookie"}


class RepSite:
    """Serves `/sign-in`, `/sign-out` and `/desk`.

    Args:
        visitors: who is signed in.
        api: checks passwords, with the limits that the app's sign-in has.
        settings: the running relay's settings.
        sessions: the live sessions of an account, the oldest first.
        audit: told of every sign-in.
    """

    def __init__(
        self,
        visitors: Visitors,
        api: HttpApi,
        settings: LiveSettings,
        sessions: Callable[[str], list[Session]],
        audit: Audit,
    ) -> None:
        self._visitors = visitors
        self._api = api
        self._settings = settings
        self._sessions = sessions
        self._audit = audit

    def attach(self, app: web.Application) -> None:
        """Answer for these addresses."""
        app.router.add_get("/sign-in", self._guarded(self._show_sign_in))
        app.router.add_post("/sign-in", self._guarded(self._sign_in))
        app.router.add_post("/sign-out", self._guarded(self._sign_out))
        app.router.add_get("/desk", self._guarded(self._show_desk))

    def _guarded(
        self, handler: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                return await handler(request)
            except ProtocolError as error:
                return self._sign_in_page(request, error.code)
            except StoreError as error:
                log.error("the database failed", code=error.code, detail=error.detail)
                return self._sign_in_page(request, ErrorCode.RELAY_BUSY)

        return handle

    async def _show_sign_in(self, request: web.Request) -> web.Response:
        if await self._visitors.visitor(request) is not None:
            return _see(_next(request.query.get("next", "")))
        return self._sign_in_page(request)

    async def _sign_in(self, request: web.Request) -> web.Response:
        if is_from_elsewhere(request, self._settings.allowed_origins):
            raise ProtocolError(ErrorCode.NOT_ALLOWED)
        form = await read_form(request)
        if not is_same(self._visitors.stranger(request), form.text(TOKEN_FIELD)):
            raise ProtocolError(ErrorCode.NOT_ALLOWED)
        name, password = form.text("name").strip(), form.text("password")
        if not name or not password or len(name) > limits.ACCOUNT_NAME_CHARS or len(password) > limits.PASSWORD_CHARS:
            raise ProtocolError(ErrorCode.WRONG_CREDENTIALS)
        try:
            signed_in = await self._api.sign_in(request, name, password)
        except ProtocolError as error:
            return self._sign_in_page(request, error.code, name=name, to=_next(form.text("next")))
        address = client_address(request, behind_proxy=self._settings.behind_proxy)
        account = signed_in.account
        await self._audit.record("site_sign_in", who=account.id, what=account.name, address=address)
        response = _see(_next(form.text("next")))
        self._visitors.remember(response, signed_in.refresh_token)
        return response

    async def _sign_out(self, request: web.Request) -> web.Response:
        visitor = await self._visitors.visitor(request)
        if visitor is not None:
            form = await read_form(request)
            elsewhere = is_from_elsewhere(request, self._settings.allowed_origins)
            if elsewhere or not is_same(visitor.form_token, form.text(TOKEN_FIELD)):
                raise ProtocolError(ErrorCode.NOT_ALLOWED)
            response = _see("/")
            await self._visitors.sign_out(visitor, response)
            return response
        return _see("/")

    def _sign_in_page(
        self, request: web.Request, code: ErrorCode | None = None, *, name: str = "", to: str = ""
    ) -> web.Response:
        language, chosen = choose_language(request)
        known = f"sign_in.error.{code}" if code is not None else ""
        catalogue = catalog.load(language, "site")
        words = catalogue.get(known, catalogue["sign_in.error.other"]) if known else ""
        values = {
            "company": self._settings.company,
            "public_url": self._settings.public_url,
            "app_url": self._settings.app_url,
            "offer": "offer" if self._settings.app_url else "ask",
            "name": name,
            "next": to or _next(request.query.get("next", "")),
        }
        response = web.Response(status=200 if code is None else _STATUS.get(code, 400), headers=_NO_STORE)
        token = self._visitors.stranger(request) or self._visitors.greet_stranger(response)
        markup = {
            "error": tag("p", words, class_="error", role="alert") if words else Html(),
            "token": tag("input", type="hidden", name=TOKEN_FIELD, value=token),
        }
        content = fill(resources.text("site/sign_in.html"), language, values, markup)
        if chosen:
            keep_language(response, language, self._settings)
        return self._filled(response, content, "sign_in.title", "/sign-in", language, None)

    async def _show_desk(self, request: web.Request) -> web.Response:
        visitor = await self._visitors.visitor(request)
        if visitor is None:
            return _see("/sign-in?next=/desk")
        language, chosen = choose_language(request)
        values = {
            "company": self._settings.company,
            "name": visitor.account.display_name,
            "public_url": self._settings.public_url,
            "app_url": self._settings.app_url,
            "offer": "offer" if self._settings.app_url else "ask",
        }
        sessions = self._sessions(visitor.account.id)
        content = fill(
            resources.text("site/desk.html"),
            language,
            values,
            {"sessions": _table(sessions, visitor.account.id, language)},
        )
        response = web.Response(headers=_NO_STORE)
        if chosen:
            keep_language(response, language, self._settings)
        return self._filled(response, content, "desk.title", "/desk", language, visitor)

    def _filled(
        self, response: web.Response, content: str, title: str, path: str, language: str, visitor: Visitor | None
    ) -> web.Response:
        response.text = framed(
            content=content,
            title=catalog.sentence(language, "site", title),
            path=path,
            language=language,
            company=self._settings.company,
            visitor=visitor,
        )
        response.content_type = "text/html"
        response.charset = "utf-8"
        response.headers["Content-Language"] = language
        return response


def _table(sessions: list[Session], account_id: str, language: str) -> Html:
    def t(key: str) -> str:
        return catalog.sentence(language, "site", key)

    if not sessions:
        return tag("p", t("desk.none"), class_="quiet")
    rows = []
    for session in sessions:
        me = session.rep_of(account_id)
        names = ", ".join(person.name for person in session.customers()) or t("desk.nobody")
        rows.append(
            tag(
                "li",
                tag("strong", in_threes(session.number), class_="number"),
                tag("span", names),
                tag("span", t(f"desk.role.{me.role}") if isinstance(me, Participant) else "", class_="quiet"),
                tag("time", _clock(session.started_at), class_="quiet", datetime=_moment(session.started_at)),
            )
        )
    return tag("ul", joined(*rows), class_="sessions")


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _next(wanted: str) -> str:
    return wanted if _NEXT.fullmatch(wanted) else "/desk"


def _see(address: str) -> web.Response:
    return web.Response(status=303, headers={"Location": address, "Cache-Control": "no-store"})
