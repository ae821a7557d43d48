"""Agents, queues and entry forms on a real relay: set up in its database, driven by small typed clients."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from server_stub import settings
from server_stub.accounts import Accounts
from server_stub.queues import Queues
from server_stub.store.database import Database
from support_manager.protocol import events, requests
from support_manager.protocol.views import AGENT, InboxItem, InboxView, Place
from tests.harness.relay import PASSWORD, Client, RelayProcess, rep


async def on_database(data: Path, work: Callable[[Database], Awaitable[Any]]) -> Any:
    """Do some work on a relay's database, beside the relay as the operator's commands do."""
    async with Database.in_directory(data) as database:
        return await work(database)


async def make_agents(
    data: Path, *names: str, limit: int | None = None, privileges: tuple[str, ...] = (AGENT,)
) -> None:
    """Make accounts; the display name is the name with a capital."""

    async def work(database: Database) -> None:
        accounts = Accounts(database)
        try:
            for name in names:
                await accounts.add(
                    name, PASSWORD, display_name=name.title(), privileges=privileges, customers_limit=limit
                )
                (data / f".test-account-{name}").touch()
        finally:
            accounts.close()

    await on_database(data, work)


async def make_queue(data: Path, slug: str, *members: str, **more: Any) -> None:
    """Make a queue with its members."""

    async def work(database: Database) -> None:
        queues = Queues(database)
        if slug != "support":
            await queues.add(slug, slug.title(), **more)
        for member in members:
            await queues.add_member(slug, member)

    await on_database(data, work)


async def set_site(data: Path, **values: str) -> None:
    """Change settings of the site."""

    async def work(database: Database) -> None:
        for key, value in values.items():
            await settings.write(database, key, value)

    await on_database(data, work)


class Agent:
    """A client whose Inbox is open."""

    def __init__(self, client: Client, opened: InboxView) -> None:
        self.client = client
        self._opened = opened

    @property
    def view(self) -> InboxView:
        """The Inbox as he knows it."""
        told = [event.inbox for name, event in self.client.events if name == "inbox"]
        return told[-1] if told else self._opened

    def item(self, session_id: str) -> InboxItem | None:
        """His entry for a session."""
        return next((item for item in self.view.items if item.session_id == session_id), None)

    def is_asked(self, session_id: str) -> bool:
        """Whether he is asked about a session right now."""
        item = self.item(session_id)
        return item is not None and item.offered

    async def asked(self, session_id: str, timeout_s: float = 10.0) -> InboxItem:
        """Wait until he is asked about a session."""
        await self.client.wait(lambda: self.is_asked(session_id), timeout_s)
        item = self.item(session_id)
        assert item is not None
        return item

    async def not_asked(self, session_id: str, timeout_s: float = 10.0) -> None:
        """Wait until he is not asked any more."""
        await self.client.wait(lambda: not self.is_asked(session_id), timeout_s)

    async def accept(self, session_id: str) -> requests.Inside:
        """Take a session."""
        inside: requests.Inside = await self.client.ask("offer.accept", requests.OfferAccept(session_id=session_id))
        self.client.session = inside.session
        return inside

    async def decline(self, session_id: str) -> None:
        """Do not take it."""
        await self.client.ask("offer.decline", requests.OfferDecline(session_id=session_id))

    async def end(self, session_id: str) -> None:
        """End a session that he controls."""
        await self.client.ask("session.end", requests.SessionEnd(session_id=session_id))

    async def pass_on(self, session_id: str, message: str = "", **to: Any) -> None:
        """Cede a session."""
        request = requests.SessionTransfer(session_id=session_id, message=message, **to)
        await self.client.ask("session.transfer", request)


async def open_inbox(client: Client) -> Agent:
    """Open the Inbox of a signed-in agent."""
    return Agent(client, await client.ask("inbox.open", requests.InboxOpen()))


@asynccontextmanager
async def agents(relay: RelayProcess, *names: str) -> AsyncIterator[list[Agent]]:
    """Agents with their Inboxes open."""
    async with AsyncExitStack() as stack:
        yield [await open_inbox(await stack.enter_async_context(rep(relay, name))) for name in names]


async def enter(client: Client, queue: str, name: str = "Maria", **more: Any) -> requests.Joined:
    """Fill in a queue's entry form."""
    form = requests.QueueEnter(**{"request_id": secrets.token_urlsafe(16), "queue": queue, "name": name, **more})
    joined: requests.Joined = await client.ask("queue.enter", form)
    client.session, client.resume_token = joined.session, joined.resume_token
    return joined


def place_of(client: Client) -> Place | None:
    """A customer's place in line as his page knows it."""
    told = [event.place for name, event in client.events if name == "place" and event.session_id == client.session_id]
    assert client.session is not None
    return told[-1] if told else client.session.place


async def waiting_number(client: Client, number: int, timeout_s: float = 10.0) -> Place:
    """Wait until a customer has that place in line."""

    def there() -> Place | None:
        place = place_of(client)
        return place if place is not None and place.place == number else None

    found = await client.wait(there, timeout_s)
    assert found is not None
    return found


def has_mark(client: Client, kind: str) -> bool:
    """Whether a line of that kind was drawn across the transcript."""
    return any(isinstance(fact, events.MarkAdded) and fact.mark.kind == kind for fact in client.facts)
