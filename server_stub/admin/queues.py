"""Queues in the admin area: name, rule, offer time-out, opening hours with time zone, members (B-11.1)."""

import re
import time

from server_stub.accounts import AccountRow, Accounts
from server_stub.admin.asking import Answer, Asking, GoneError, GoTo, failed, row
from server_stub.hours import DAYS, OpeningHours
from server_stub.markup import Html, joined, tag
from server_stub.queues import OFFER_S_HIGHEST, OFFER_S_LOWEST, Queue, QueueError, Queues, Rule
from server_stub.setting_checks import SettingError, whole_number
from server_stub.settings import read_all
from server_stub.store.database import Database
from support_manager.protocol import limits
from support_manager.protocol.views import AGENT

PATH = "/admin/queues"
_FIELDS = ("name", "rule", "offer_s", "time_zone", "hours")


class QueuePages:
    """The pages about queues.

    Args:
        database: open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def _queues(self, who: str = "") -> Queues:
        return Queues(self._database, who=who)

    async def _one(self, asking: Asking) -> Queue:
        found = next((one for one in await self._queues().everyone() if one.slug == asking.part("slug")), None)
        if found is None:
            raise GoneError
        return found

    async def _agents(self) -> list[AccountRow]:
        accounts = Accounts(self._database)
        try:
            return [one for one in await accounts.everyone() if AGENT in one.privileges]
        finally:
            accounts.close()

    async def everyone(self, asking: Asking) -> Answer:
        """Every queue."""
        t = asking.t
        rows = [
            row(
                tag("a", one.name, href=f"{PATH}/{one.slug}"),
                tag("a", f"/help/{one.slug}", href=f"/help/{one.slug}"),
                t(f"rule.{one.rule}"),
                _in_words(asking, one.hours),
                len(one.members),
                _state(asking, one),
                off=not one.enabled,
            )
            for one in await self._queues().everyone()
        ]
        columns = ("queue.name", "queue.page", "queue.rule", "queue.hours", "queue.members", "queue.state")
        head = tag(
            "div",
            tag("h1", t("queues.title")),
            tag("a", t("queues.add"), href=f"{PATH}/new", class_="button primary"),
            class_="head",
        )
        return Answer(t("queues.title"), joined(head, asking.table(columns, rows, t("queues.title"))))

    async def new(self, asking: Asking, wrong: str = "", status: int = 200) -> Answer:
        """The form for a new queue."""
        t = asking.t
        form = asking.to_send(
            f"{PATH}/new",
            asking.field(
                *("queue.slug", "slug", asking.form.text("slug")),
                hint="queue.slug.hint",
                required=True,
                autocomplete="off",
                maxlength=limits.ID_CHARS,
            ),
            self._fields(asking, None),
            asking.button("queues.add"),
        )
        content = joined(tag("h1", t("queues.add")), failed(wrong), tag("section", form, class_="panel"))
        return Answer(t("queues.add"), content, status)

    async def add(self, asking: Asking) -> Answer | GoTo:
        """Make a queue."""
        slug = asking.form.text("slug").strip()
        try:
            values = _values(asking)
            await self._queues(asking.who).add(
                slug,
                values["name"],
                rule=values["rule"],
                offer_s=_seconds(values["offer_s"]),
                time_zone=values["time_zone"],
                hours=values["hours"],
            )
        except (QueueError, SettingError) as error:
            return await self.new(asking, _words(asking, error), 422)
        return GoTo(f"{PATH}/{slug}", "queue.added")

    async def show(self, asking: Asking, wrong: str = "", status: int = 200) -> Answer:
        """One queue."""
        one, t = await self._one(asking), asking.t
        path = f"{PATH}/{one.slug}"
        agents = await self._agents()
        ticks: list[Html] = [
            asking.tick(f"{agent.display_name} ({agent.name})", "member", agent.id in one.members, value=agent.id)
            for agent in agents
        ]
        members = (
            asking.to_send(f"{path}/members", *ticks, asking.button("save", "button"))
            if agents
            else tag("p", t("queue.no_agents"), class_="hint")
        )
        is_default = (await read_all(self._database))["default_queue"] == one.slug
        remove = (
            tag("p", t("queue.is_default"), class_="hint")
            if is_default
            else tag(
                "details",
                tag("summary", t("queue.remove")),
                asking.to_send(
                    f"{path}/remove",
                    tag("p", t("queue.remove_text"), class_="hint"),
                    asking.button("queue.do_remove", "button danger"),
                ),
                class_="act",
            )
        )
        content = joined(
            tag("h1", one.name),
            tag(
                "p", tag("a", f"/help/{one.slug}", href=f"/help/{one.slug}"), " · ", _state(asking, one), class_="quiet"
            ),
            failed(wrong),
            tag(
                "section",
                asking.to_send(f"{path}/change", self._fields(asking, one), asking.button("save")),
                class_="panel",
            ),
            tag("section", tag("h2", t("queue.members")), members, class_="panel"),
            tag("section", remove, class_="panel"),
        )
        return Answer(one.name, content, status)

    def _fields(self, asking: Asking, one: Queue | None) -> Html:
        t, form = asking.t, asking.form
        if one is None or form.text("rule"):
            start = {"rule": Rule.EVERYBODY.value, "offer_s": "30", "time_zone": "UTC", "hours": "always"}
            values = {key: form.text(key) or start.get(key, "") for key in _FIELDS}
            enabled = form.ticked("enabled")
        else:
            values = {
                "name": one.name,
                "rule": one.rule.value,
                "offer_s": str(one.offer_s),
                "time_zone": one.hours.zone,
                "hours": one.hours.text(),
            }
            enabled = one.enabled
        return joined(
            asking.field("queue.name", "name", values["name"], required=True, maxlength=limits.QUEUE_NAME_CHARS),
            asking.choice("queue.rule", "rule", values["rule"], ((rule.value, t(f"rule.{rule}")) for rule in Rule)),
            asking.field("queue.hours", "hours", values["hours"], hint="queue.hours.hint", spellcheck="false"),
            asking.field(
                "queue.time_zone", "time_zone", values["time_zone"], hint="queue.time_zone.hint", spellcheck="false"
            ),
            asking.field("queue.offer_s", "offer_s", values["offer_s"], hint="queue.offer_s.hint", inputmode="numeric"),
            asking.tick(t("queue.enabled"), "enabled", enabled) if one is not None else None,
        )

    async def change(self, asking: Asking) -> Answer | GoTo:
        """Change what stands in the form."""
        one = await self._one(asking)
        try:
            values = _values(asking)
            enabled = asking.form.ticked("enabled")
            await self._queues(asking.who).change(
                one.slug,
                name=_unless_same(values["name"], one.name),
                rule=_unless_same(values["rule"], one.rule.value),
                offer_s=None if values["offer_s"] == str(one.offer_s) else _seconds(values["offer_s"]),
                time_zone=_unless_same(values["time_zone"], one.hours.zone),
                hours=_unless_same(values["hours"], one.hours.text()),
                enabled=None if enabled == one.enabled else enabled,
            )
        except (QueueError, SettingError) as error:
            return await self.show(asking, _words(asking, error), 422)
        return GoTo(f"{PATH}/{one.slug}", "saved")

    async def members(self, asking: Asking) -> Answer | GoTo:
        """Put agents in and take them out."""
        one = await self._one(asking)
        wanted, queues = set(asking.form.all("member")), self._queues(asking.who)
        try:
            for agent in await self._agents():
                if (agent.id in wanted) and agent.id not in one.members:
                    await queues.add_member(one.slug, agent.name)
                elif (agent.id not in wanted) and agent.id in one.members:
                    await queues.remove_member(one.slug, agent.name)
        except QueueError as error:
            return await self.show(asking, _words(asking, error), 422)
        return GoTo(f"{PATH}/{one.slug}", "saved")

    async def remove(self, asking: Asking) -> Answer | GoTo:
        """Delete the queue."""
        one = await self._one(asking)
        try:
            await self._queues(asking.who).remove(one.slug)
        except QueueError as error:
            return await self.show(asking, _words(asking, error), 422)
        return GoTo(PATH, "queue.removed")


def _values(asking: Asking) -> dict[str, str]:
    return {key: asking.form.text(key).strip() for key in _FIELDS}


def _unless_same(typed: str, now: str) -> str | None:
    return None if typed == now else typed


def _seconds(text: str) -> int:
    return whole_number(text, OFFER_S_LOWEST, OFFER_S_HIGHEST)


def _in_words(asking: Asking, hours: OpeningHours) -> str:
    """The hours as a table shows them; the form shows them as they are typed, the same in every language."""
    words = re.sub(r"[a-z]+", lambda found: asking.t(f"hours.{found[0]}"), hours.text())
    return f"{words} ({hours.zone})"


def _state(asking: Asking, one: Queue) -> str:
    """Whether customers are let in at this moment, and else when they will be."""
    now_ms = time.time_ns() // 1_000_000
    if not one.enabled:
        return asking.t("queue.closed")
    if one.is_open(now_ms):
        return asking.t("queue.open")
    opens = one.hours.next_opening_there(now_ms)
    if opens is None:
        return asking.t("queue.closed_now")
    return asking.t("queue.opens", day=asking.t(f"hours.{DAYS[opens.weekday()]}"), time=f"{opens:%H:%M}")


def _words(asking: Asking, error: QueueError | SettingError) -> str:
    code = error.code if isinstance(error, QueueError) else "bad_offer_s"
    return asking.t(f"queue.error.{code}")
