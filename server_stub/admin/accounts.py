"""Accounts in the admin area: list, make, change, password, close and open; nobody locks himself out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server_stub.accounts import AccountError, AccountRow, Accounts
from server_stub.admin.asking import Answer, Asking, GoneError, GoTo, clock, failed, row
from server_stub.markup import Html, joined, tag
from server_stub.rights import SITES, Rights
from server_stub.setting_checks import MODES, SettingError, whole_number
from server_stub.store.database import Database
from support_manager.protocol import limits
from support_manager.protocol.views import ADMIN, AGENT

PATH = "/admin/accounts"
_LIMIT_HIGHEST = 1_000


class AccountPages:
    """The pages about accounts.

    Args:
        database: open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def _accounts(self, who: str) -> AsyncIterator[Accounts]:
        accounts = Accounts(self._database, who=who)
        try:
            yield accounts
        finally:
            accounts.close()

    async def _everyone(self) -> list[AccountRow]:
        async with self._accounts("") as accounts:
            return await accounts.everyone()

    async def _one(self, asking: Asking) -> AccountRow:
        found = next((one for one in await self._everyone() if one.id == asking.part("id")), None)
        if found is None:
            raise GoneError
        return found

    async def everyone(self, asking: Asking) -> Answer:
        """Every account."""
        t = asking.t
        rows = [
            row(
                tag("a", one.name, href=f"{PATH}/{one.id}"),
                one.display_name,
                ", ".join(t(f"privilege.{word}") for word in one.privileges) or "–",
                t(f"mode.{_mode(one)}"),
                _limit(asking, one.customers_limit),
                t("account.closed" if one.disabled else "account.open"),
                off=one.disabled,
            )
            for one in await self._everyone()
        ]
        columns = ("account.name", "account.display_name", "account.privileges", "account.mode", "account.limit")
        head = tag(
            "div",
            tag("h1", t("accounts.title")),
            tag("a", t("accounts.add"), href=f"{PATH}/new", class_="button primary"),
            class_="head",
        )
        table = asking.table((*columns, "account.state"), rows, t("accounts.title"))
        return Answer(t("accounts.title"), joined(head, table))

    async def new(self, asking: Asking, wrong: str = "", status: int = 200) -> Answer:
        """The form for a new account; what was typed stays when something is wrong."""
        t, form = asking.t, asking.form
        content = joined(
            tag("h1", t("accounts.add")),
            failed(wrong),
            tag(
                "section",
                asking.to_send(
                    f"{PATH}/new",
                    asking.field(
                        *("account.name", "name", form.text("name")),
                        hint="account.name.hint",
                        required=True,
                        # A password store takes the box before the password for the name unless it is told.
                        autocomplete="username",
                        autocapitalize="none",
                        spellcheck="false",
                        maxlength=limits.ACCOUNT_NAME_CHARS,
                    ),
                    self._rights(asking, None),
                    _password(asking),
                    asking.button("accounts.add"),
                ),
                class_="panel",
            ),
        )
        return Answer(t("accounts.add"), content, status)

    async def add(self, asking: Asking) -> Answer | GoTo:
        """Make an account."""
        form = asking.form
        try:
            customers = _limit_of(form.text("limit"))
            mode = _mode_of(form.text("mode"))
            async with self._accounts(asking.who) as accounts:
                made = await accounts.add(
                    form.text("name"),
                    form.text("password"),
                    display_name=form.text("display_name"),
                    modes=() if mode == SITES else MODES[mode],
                    privileges=tuple(word for word in (ADMIN, AGENT) if form.ticked(word)),
                    customers_limit=None if customers == SITES else int(customers),
                )
        except (AccountError, SettingError) as error:
            return await self.new(asking, _words(asking, error), 422)
        return GoTo(f"{PATH}/{made.id}", "account.added")

    async def show(self, asking: Asking, wrong: str = "", status: int = 200) -> Answer:
        """One account."""
        one, t = await self._one(asking), asking.t
        path = f"{PATH}/{one.id}"
        about = tag(
            "p",
            t("account.open" if not one.disabled else "account.closed"),
            " · ",
            t("account.since"),
            " ",
            clock(one.created_at),
            class_="quiet",
        )
        state = asking.to_send(
            f"{path}/{'open' if one.disabled else 'close'}",
            tag("p", t("account.open_text" if one.disabled else "account.close_text"), class_="hint"),
            asking.button(*(("account.do_open", "button") if one.disabled else ("account.do_close", "button danger"))),
        )
        content = joined(
            tag("h1", one.name),
            about,
            failed(wrong),
            tag(
                "section",
                asking.to_send(f"{path}/rights", self._rights(asking, one), asking.button("save")),
                class_="panel",
            ),
            tag(
                "section",
                tag("h2", t("account.new_password")),
                asking.to_send(
                    f"{path}/password",
                    _username(one),
                    _password(asking),
                    asking.button("account.do_password", "button"),
                ),
                class_="panel",
            ),
            tag("section", tag("h2", t("account.state")), state, class_="panel"),
        )
        return Answer(one.name, content, status)

    def _rights(self, asking: Asking, one: AccountRow | None) -> Html:
        t, form = asking.t, asking.form
        sent = bool(form.text("mode"))
        if one is None or sent:
            values = (form.text("display_name"), form.text("mode") or SITES, form.text("limit"))
            ticked = {word for word in (ADMIN, AGENT) if form.ticked(word)}
        else:
            limit = "" if one.customers_limit is None else str(one.customers_limit)
            values, ticked = (one.display_name, _mode(one), limit), set(one.privileges)
        shown, mode, limit = values
        return joined(
            asking.field(
                *("account.display_name", "display_name", shown),
                hint="account.display_name.hint",
                maxlength=limits.NAME_CHARS,
                autocomplete="off",
            ),
            tag(
                "fieldset",
                tag("legend", t("account.privileges")),
                *(asking.tick(t(f"privilege.{word}.long"), word, word in ticked) for word in (AGENT, ADMIN)),
            ),
            asking.choice("account.mode", "mode", mode, ((word, t(f"mode.{word}")) for word in (SITES, *MODES))),
            asking.field(
                "account.limit", "limit", limit, hint="account.limit.hint", inputmode="numeric", autocomplete="off"
            ),
        )

    async def change(self, asking: Asking) -> Answer | GoTo:
        """Change rights and display name."""
        one, form = await self._one(asking), asking.form
        admin = form.ticked(ADMIN)
        try:
            limit, mode = _limit_of(form.text("limit")), _mode_of(form.text("mode"))
            if ADMIN in one.privileges and not admin:
                await self._keep_one(asking, one)
            await Rights(self._database, who=asking.who).change(
                one.name,
                agent=form.ticked(AGENT),
                admin=admin,
                mode=mode,
                limit=limit,
                display_name=form.text("display_name"),
            )
        except (AccountError, SettingError) as error:
            return await self.show(asking, _words(asking, error), 422)
        return GoTo(f"{PATH}/{one.id}", "saved")

    async def password(self, asking: Asking) -> Answer | GoTo:
        """Give it another password."""
        one = await self._one(asking)
        try:
            async with self._accounts(asking.who) as accounts:
                await accounts.set_password(one.name, asking.form.text("password"))
        except AccountError as error:
            return await self.show(asking, _words(asking, error), 422)
        if one.id == asking.who:
            return GoTo("/sign-in")
        return GoTo(f"{PATH}/{one.id}", "account.password_changed")

    async def close(self, asking: Asking) -> Answer | GoTo:
        """Switch it off."""
        one = await self._one(asking)
        try:
            await self._keep_one(asking, one)
            async with self._accounts(asking.who) as accounts:
                await accounts.set_disabled(one.name, True)
        except AccountError as error:
            return await self.show(asking, _words(asking, error), 422)
        return GoTo(f"{PATH}/{one.id}", "account.was_closed")

    async def reopen(self, asking: Asking) -> Answer | GoTo:
        """Switch it on again."""
        one = await self._one(asking)
        async with self._accounts(asking.who) as accounts:
            await accounts.set_disabled(one.name, False)
        return GoTo(f"{PATH}/{one.id}", "account.was_opened")

    async def _keep_one(self, asking: Asking, one: AccountRow) -> None:
        """Refuse what would lock an administrator out; acts come one at a time, so no two can do it together.

        Raises:
            AccountError: `own_account` or `last_admin`.
        """
        if one.id == asking.who:
            raise AccountError("own_account")
        others = [
            other
            for other in await self._everyone()
            if ADMIN in other.privileges and not other.disabled and other != one
        ]
        if not others:
            raise AccountError("last_admin")


def _password(asking: Asking) -> Html:
    box = asking.field(
        *("account.password", "password"),
        hint="account.password.hint",
        type="password",
        required=True,
        autocomplete="new-password",
        minlength=limits.PASSWORD_MIN_CHARS,
        maxlength=limits.PASSWORD_CHARS,
    )
    # Without a script it could do nothing, so the script brings it out.
    show = tag("input", type="checkbox", data_shows="password")
    return joined(box, tag("label", show, tag("span", asking.t("account.show_password")), class_="tick", hidden=True))


def _username(one: AccountRow) -> Html:
    # For password stores and screen readers: whose password it is (HTML, "Autofill").
    return tag("input", type="text", value=one.name, autocomplete="username", hidden=True, readonly=True)


def _mode(one: AccountRow) -> str:
    return next((word for word, modes in MODES.items() if one.modes == tuple(mode.value for mode in modes)), SITES)


def _mode_of(text: str) -> str:
    if text not in (SITES, *MODES):
        raise SettingError("mode")
    return text


def _limit(asking: Asking, customers: int | None) -> str:
    if customers is None:
        return asking.t("limit.site")
    return str(customers) if customers else asking.t("limit.none")


def _limit_of(text: str) -> int | str:
    return whole_number(text, 0, _LIMIT_HIGHEST) if text.strip() else SITES


def _words(asking: Asking, error: AccountError | SettingError) -> str:
    code = error.code if isinstance(error, AccountError) else "bad_limit"
    return asking.t(f"account.error.{code}")
