"""A browser without a screen for the site's pages: keeps cookies, follows forms, sends their tokens."""

import re
from typing import Any, NamedTuple, Self

import aiohttp
from yarl import URL

from tests.harness.relay import PASSWORD

_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]+)"')


class Answer(NamedTuple):
    """A page as it came, after redirections."""

    status: int
    path: str
    """Where it was, with the query."""
    text: str
    headers: Any


class SiteVisitor:
    """Visits the site of a relay.

    Args:
        url: of the relay.
        sign_in: a cookie to begin with.
    """

    def __init__(self, url: str, *, sign_in: str = "") -> None:
        self._url = URL(url)
        self._cookies = {"sign_in": sign_in} if sign_in else {}
        self.set_cookies: dict[str, str] = {}
        """Name → the last `Set-Cookie` line of it."""

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    def cookie(self, name: str) -> str:
        """A cookie's value."""
        return self._cookies[name]

    async def _ask(self, method: str, path: str, *, data: Any = None, **headers: str) -> Answer:
        for _ in range(5):
            sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items()), **headers}
            url = self._url.join(URL(path, encoded=True))
            async with self._http.request(method, url, data=data, headers=sent, allow_redirects=False) as reply:
                for line in reply.headers.getall("Set-Cookie", []):
                    name, _, value = line.partition(";")[0].partition("=")
                    self.set_cookies[name] = line
                    self._cookies[name] = value.strip('"')
                text = await reply.text()
                if reply.status != 303:
                    return Answer(reply.status, path, text, reply.headers)
                method, data, path = "GET", None, reply.headers["Location"]
        raise RuntimeError("too many redirections")

    async def get(self, path: str) -> Answer:
        """A page."""
        return await self._ask("GET", path)

    async def raw_post(self, path: str, form: dict[str, Any], *, data: bytes | None = None, **headers: str) -> Answer:
        """Send a form just like that, or these bytes as one."""
        if data is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            return await self._ask("POST", path, data=data, **headers)
        body = aiohttp.FormData()
        for name, value in form.items():
            for one in value if isinstance(value, list) else [value]:
                body.add_field(name, one)
        return await self._ask("POST", path, data=body, **headers)

    async def token(self, page: str) -> str:
        """The form token on a page."""
        found = _TOKEN.search((await self.get(page)).text)
        assert found is not None, page
        return found[1]

    async def post(self, path: str, form: dict[str, Any] | None = None, *, page: str = "") -> Answer:
        """Send a form as the page does on which it is.

        Args:
            path: where the form goes.
            form: its fields; a list for several of one name.
            page: with the form; by default at the same address.
        """
        return await self.raw_post(path, {**(form or {}), "form_token": await self.token(page or path)})

    async def sign_in(self, name: str, password: str = PASSWORD, *, to: str = "") -> Answer:
        """Fill in the sign-in page."""
        return await self.post("/sign-in", {"name": name, "password": password, "next": to})
