"""The site's settings in the admin area, and its mail server with a button that tries it."""

import time
from collections import deque

from server_stub import settings
from server_stub.admin.asking import Answer, Asking, GoTo, failed
from server_stub.audit import Audit
from server_stub.mail import MailError, Postman
from server_stub.mail_trial import MAIL_KEYS, NoTrialError, carry_out, plan_trial
from server_stub.markup import Html, joined, tag
from server_stub.queues import Queues
from server_stub.setting_checks import MAIL_SECURITY, MODES, SettingError
from server_stub.store.database import Database
from support_manager.protocol import limits

SITE_PATH = "/admin/settings"
MAIL_PATH = "/admin/mail"
SITE_KEYS = tuple(key for key in settings.DEFINITIONS if key not in (*MAIL_KEYS, "turn_secret"))
"""The TURN server's secret is nothing to type: `support-relay turn-config` makes it."""
_SECRET = "smtp_password"  # noqa: S105 - the setting's name
_CLEAR = "smtp_password_clear"


class SettingPages:
    """The pages about settings.

    Args:
        database: open.
        postman: sends the mail that tries the server.
        audit: told of every try.
    """

    def __init__(self, database: Database, postman: Postman, audit: Audit) -> None:
        self._database = database
        self._postman = postman
        self._audit = audit
        self._tried_at: dict[str, deque[float]] = {}

    async def show_site(self, asking: Asking, wrong: dict[str, str] | None = None) -> Answer:
        """Every setting but the mail server's."""
        values = await self._texts()
        queues = [(one.slug, f"{one.name} ({one.slug})") for one in await Queues(self._database).everyone()]
        boxes = [self._box(asking, key, values[key], wrong or {}, queues) for key in SITE_KEYS]
        form = asking.to_send(SITE_PATH, *boxes, asking.button("save"))
        return self._answer(asking, "settings.title", tag("section", form, class_="panel"), wrong)

    async def show_mail(self, asking: Asking, wrong: dict[str, str] | None = None, said: Html | None = None) -> Answer:
        """The mail server."""
        values = await self._texts()
        boxes: list[Html] = [tag("p", asking.t("mail.lead"), class_="hint")]
        for key in MAIL_KEYS:
            boxes.append(self._box(asking, key, values[key], wrong or {}, []))
            if key == _SECRET and values[key]:
                boxes.append(asking.tick(asking.t("mail.clear_password"), _CLEAR, False))
        form = asking.to_send(MAIL_PATH, *boxes, asking.button("save"))
        attempt = asking.to_send(
            f"{MAIL_PATH}/try",
            asking.field("mail.try_address", "address", asking.form.text("address"), type="email", required=True),
            asking.button("mail.try", "button"),
        )
        content = joined(
            said,
            tag("section", form, class_="panel"),
            tag("section", tag("h2", asking.t("mail.try_title")), attempt, class_="panel", id="try"),
        )
        return self._answer(asking, "mail.title", content, wrong)

    def _answer(self, asking: Asking, title: str, content: Html, wrong: dict[str, str] | None) -> Answer:
        words = failed(asking.t("settings.wrong")) if wrong else None
        page = joined(tag("h1", asking.t(title)), words, content)
        return Answer(asking.t(title), page, 422 if wrong else 200)

    def _box(self, asking: Asking, key: str, value: str, wrong: dict[str, str], queues: list[tuple[str, str]]) -> Html:
        t, label, bad = asking.t, f"setting.{key}", wrong.get(key, "")
        if wrong:
            value = asking.form.text(key)
        if key == "modes":
            options = [(word, t(f"mode.{word}")) for word in MODES]
        elif key == "smtp_security":
            options = [(word, t(f"security.{word}")) for word in MAIL_SECURITY]
        elif key == "relay_only":
            options = [(word, t(f"relay_only.{word}")) for word in ("no", "yes")]
        elif key == "default_queue":
            options = queues
        elif key == "ice_servers":
            return asking.area(label, key, value, wrong=bad, hint=f"setting.{key}.hint")
        elif key == _SECRET:
            return asking.field(
                label, key, "", wrong=bad, hint=f"setting.{key}.hint", type="password", autocomplete="new-password"
            )
        else:
            return asking.field(
                label, key, value, wrong=bad, hint=f"setting.{key}.hint", autocomplete="off", spellcheck="false"
            )
        return asking.choice(label, key, value, options, wrong=bad, hint=f"setting.{key}.hint")

    async def save_site(self, asking: Asking) -> Answer | GoTo:
        """Keep what was changed."""
        wrong = await self._save(asking, SITE_KEYS)
        return await self.show_site(asking, wrong) if wrong else GoTo(SITE_PATH, "saved")

    async def save_mail(self, asking: Asking) -> Answer | GoTo:
        """Keep what was changed; an empty password means the one that is kept."""
        wrong = await self._save(asking, MAIL_KEYS)
        return await self.show_mail(asking, wrong) if wrong else GoTo(MAIL_PATH, "saved")

    async def _save(self, asking: Asking, keys: tuple[str, ...]) -> dict[str, str]:
        now, form = await self._texts(), asking.form
        changed: dict[str, str] = {}
        wrong: dict[str, str] = {}
        for key in keys:
            # Browsers end lines by CR LF in forms (HTML, "multipart and urlencoded form data").
            typed = form.text(key).replace("\r\n", "\n")
            if key == _SECRET:
                if not typed and not form.ticked(_CLEAR):
                    continue
            elif typed == now[key]:
                continue
            try:
                settings.DEFINITIONS[key].parse(typed)
            except SettingError:
                wrong[key] = asking.t("settings.wrong_one")
            changed[key] = typed
        if wrong:
            return wrong
        for key, typed in changed.items():
            try:
                await settings.write(self._database, key, typed, who=asking.who)
            except SettingError:
                return {key: asking.t("settings.wrong_one")}
        return {}

    async def attempt(self, asking: Asking) -> Answer | GoTo:
        """Send a message to the address that was typed, and show what the server says."""
        try:
            trial = plan_trial(await settings.read_all(self._database), asking.form.text("address"))
        except NoTrialError as error:
            return await self.show_mail(asking, said=failed(asking.t(str(error))))
        if not self._may_try(asking.who):
            return await self.show_mail(asking, said=failed(asking.t("mail.too_fast")))
        try:
            await carry_out(
                trial,
                asking.language,
                postman=self._postman,
                audit=self._audit,
                who=asking.who,
                origin=asking.address,
            )
        except MailError as error:
            words = tag("p", asking.t("mail.failed"), tag("code", str(error)), class_="error", role="alert")
            return await self.show_mail(asking, said=words)
        words = tag("p", asking.t("mail.sent", address=trial.address), class_="said", role="status")
        return await self.show_mail(asking, said=words)

    def _may_try(self, who: str) -> bool:
        now, tried = time.monotonic(), self._tried_at.setdefault(who, deque())
        while tried and now - tried[0] >= 60.0:
            tried.popleft()
        if len(tried) >= limits.MAILS_PER_MINUTE_PER_REP:
            return False
        tried.append(now)
        return True

    async def _texts(self) -> dict[str, str]:
        values = await settings.read_all(self._database)
        return {key: settings.as_text(value) for key, value in values.items()}
