"""The pages that the relay serves: the site, the customer's page, their files, and the headers that guard them all."""

import gzip
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources.abc import Traversable

import structlog
from aiohttp import web

import resources
from resources import catalog
from server_stub.page_frame import PAGES, choose_language, keep_language, public_page
from server_stub.page_source import without_comments
from server_stub.settings import LiveSettings
from server_stub.store.database import StoreError
from server_stub.visitors import Visitor, Visitors

log = structlog.get_logger(__name__)

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
"""What may be served at all; a file of another kind in the folders is not."""
_ENTRY = re.compile(r"/help/[a-z0-9]+(-[a-z0-9]+)*")
"""Entry pages of queues (B-11.1); whether there is such a queue, the page itself finds out and says."""


@dataclass(frozen=True)
class Asset:
    """One body, ready to be sent: plain and compressed, with its tag."""

    body: bytes
    packed: bytes
    """Empty where compression saves nothing."""
    tag: str
    kind: str

    @classmethod
    def of(cls, body: bytes, kind: str) -> "Asset":
        """Compress and tag `body` once."""
        packed = (
            gzip.compress(body, 9, mtime=0) if len(body) > 256 and not kind.startswith(("image/png", "font/")) else b""
        )
        tag = hashlib.sha256(body).hexdigest()[:20]
        return cls(body, packed if len(packed) < len(body) else b"", tag, kind)

    def answer(self, request: web.Request, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
        """The response to a GET or HEAD for this asset: 304 when the client has it already (RFC 9110 section 13)."""
        packed = bool(self.packed) and _accepts_gzip(request.headers.get("Accept-Encoding", ""))
        # A different body needs a different strong tag (RFC 9110 section 8.8.3.3).
        tag = f'"{self.tag}-gz"' if packed else f'"{self.tag}"'
        common = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding", **(headers or {})}
        if status == 200 and tag in [
            one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")
        ]:
            return web.Response(status=304, headers=common)
        common["Content-Type"] = self.kind
        if packed:
            common["Content-Encoding"] = "gzip"
        return web.Response(body=self.packed if packed else self.body, status=status, headers=common)


def _accepts_gzip(header: str) -> bool:
    for entry in header.lower().split(","):
        name, _, quality = entry.strip().partition(";")
        if name.strip() in ("gzip", "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


class Site:
    """Serves a fixed list of files, made at start: no request ever becomes a path of the file system.

    Args:
        settings: the running relay's settings.
        visitors: says who is signed in.
    """

    def __init__(self, settings: LiveSettings, visitors: Visitors) -> None:
        self._settings = settings
        self._visitors = visitors
        self._files: dict[str, Asset] = {}
        for name, file in _walk(resources.path("customer_page")):
            address = "/join" if name == "index.html" else f"/page/{name}"
            body = file.read_bytes()
            if _suffix(name) == ".js" and not name.startswith("vendor/"):
                body = without_comments(body.decode()).encode()
            self._files[address] = Asset.of(body, TYPES[_suffix(name)])
        for name, file in _walk(resources.path("site")):
            if _suffix(name) != ".html":
                self._files[f"/site/{name}"] = Asset.of(file.read_bytes(), TYPES[_suffix(name)])
        for language in catalog.LANGUAGES:
            file = resources.path(f"translations/{language}/page.json")
            if file.is_file():
                self._files[f"/page/translations/{language}.json"] = Asset.of(file.read_bytes(), TYPES[".json"])

    def attach(self, app: web.Application) -> None:
        """Answer every GET that nobody else does; attach this last."""
        app.router.add_get("/{path:.*}", self._get)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        # The path as it was sent, decoded by nobody: an encoded spelling of an address is another address.
        path = request.rel_url.raw_path
        asset = self._files.get("/join" if _ENTRY.fullmatch(path) else path)
        if asset is not None:
            return asset.answer(request)
        language, chosen = choose_language(request)
        name, known = PAGES.get(path, "not_found"), path in PAGES
        site = (self._settings.company, self._settings.public_url, self._settings.app_url)
        visitor = await self._visitor(request)
        headers = {"Vary": "Accept-Encoding, Accept-Language, Cookie", "Content-Language": language}
        if visitor is None:
            page = _render(name, path if known else "", language, *site)
        else:
            text = public_page(name, path if known else "", language, *site, visitor=visitor)
            page = Asset.of(text.encode(), TYPES[".html"])
            headers["Cache-Control"] = "no-store"
        response = page.answer(request, status=200 if known else 404, headers=headers)
        if chosen:
            keep_language(response, language, self._settings)
        return response

    async def _visitor(self, request: web.Request) -> Visitor | None:
        try:
            return await self._visitors.visitor(request)
        except StoreError as error:
            log.warning("a visitor could not be looked up", code=error.code)
            return None


@lru_cache(maxsize=128)
def _render(name: str, path: str, language: str, company: str, public_url: str, app_url: str) -> Asset:
    """One page in one language for whoever is not signed in."""
    return Asset.of(public_page(name, path, language, company, public_url, app_url).encode(), TYPES[".html"])


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        name = prefix + entry.name
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _walk(entry, f"{name}/")
        elif _suffix(entry.name) in TYPES and not entry.name.startswith("."):
            yield name, entry


def _suffix(name: str) -> str:
    return name[name.rfind(".") :].lower() if "." in name else ""


def security_headers(settings: LiveSettings) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """A signal handler that puts the guarding headers on every response of the application, refusals included."""

    async def on_prepare(request: web.Request, response: web.StreamResponse) -> None:
        headers = response.headers
        hashes = request.rel_url.raw_path == _HASHER
        for name, value in _headers(settings.allowed_origins, settings.is_tls, hashes).items():
            headers[name] = value
        headers.pop("Server", None)

    return on_prepare


_HASHER = "/page/files_hasher.js"
"""It makes its hash function as WebAssembly, which its own policy allows and that of no page does."""


@lru_cache(maxsize=8)
def _headers(origins: tuple[str, ...], is_tls: bool, hashes: bool = False) -> dict[str, str]:
    # 'self' covers the socket in new browsers only (CSP 3), so its origins are named too; the grammar of CSP knows no
    # IPv6 addresses, which leaves those to 'self'.
    sockets = " ".join(origin.replace("http", "ws", 1) for origin in origins if "[" not in origin)
    scripts = "script-src 'self' 'wasm-unsafe-eval'; " if hashes else ""
    headers = {
        "Content-Security-Policy": (
            f"default-src 'self'; {scripts}connect-src 'self' {sockets}; img-src 'self' data:; object-src 'none'; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
        ),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": (
            "display-capture=(self), microphone=(self), camera=(self), geolocation=(), payment=(), usb=()"
        ),
    }
    if is_tls:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers
