"""Live sessions in the admin area: who helps whom since when, and an end with a reason."""

import time

from resources.invitations import in_threes
from server_stub.admin.asking import Answer, Asking, GoneError, GoTo, clock, failed, row
from server_stub.ending import REASON_CHARS, Ending, reason_of
from server_stub.markup import Html, joined, tag
from server_stub.members import Members
from server_stub.state.model import Session
from support_manager.protocol.roles import Role

PATH = "/admin/sessions"


class SessionPages:
    """The pages about live sessions.

    Args:
        members: the sessions.
        ending: ends them.
    """

    def __init__(self, members: Members, ending: Ending) -> None:
        self._members = members
        self._ending = ending

    async def everyone(self, asking: Asking, wrong: str = "", status: int = 200) -> Answer:
        """Every live session, the oldest first."""
        t = asking.t
        live = sorted(self._members.live.registry.live(), key=lambda session: session.started_at)
        rows = [
            row(
                tag("span", in_threes(session.number), class_="number"),
                _rep(asking, session),
                clock(session.started_at),
                t(f"state.{session.state}"),
                _people(asking, session),
                self._end_form(asking, session),
            )
            for session in live
        ]
        columns = ("session.number", "session.rep", "session.since", "session.state", "session.people", "session.act")
        table = (
            asking.table(columns, rows, t("sessions.title")) if rows else tag("p", t("sessions.none"), class_="lead")
        )
        content = joined(
            tag("h1", t("sessions.title")),
            tag("p", t("times"), " · ", t("sessions.now"), " ", clock(time.time_ns() // 1_000_000), class_="quiet"),
            failed(wrong),
            table,
        )
        return Answer(t("sessions.title"), content, status)

    def _end_form(self, asking: Asking, session: Session) -> Html:
        name = f"reason-{session.id}"
        box = tag("input", id=name, name="reason", required=True, maxlength=REASON_CHARS, autocomplete="off")
        form = asking.to_send(
            f"{PATH}/{session.id}/end",
            tag("label", asking.t("session.reason"), for_=name),
            box,
            asking.button("session.do_end", "button danger"),
        )
        return tag("details", tag("summary", asking.t("session.end")), form, class_="act")

    async def end(self, asking: Asking) -> Answer | GoTo:
        """End a session for everybody; the reason stands in the audit log."""
        session = self._members.live.registry.get(asking.part("id"))
        if session is None:
            raise GoneError
        reason = reason_of(asking.form.text("reason"))
        if not reason:
            return await self.everyone(asking, asking.t("session.error.reason"), 422)
        if not session.is_live:
            return GoTo(PATH, "session.was_over")
        await self._ending.end(session, who=asking.who, reason=reason, address=asking.address)
        return GoTo(PATH, "session.ended")


def _rep(asking: Asking, session: Session) -> str:
    controller = session.holder(Role.CONTROLLER)
    return controller.name if controller is not None else asking.t("session.nobody")


def _people(asking: Asking, session: Session) -> Html:
    people = [
        tag("div", person.name, " · ", asking.t(f"role.{person.role}"), " · ", asking.t(f"link.{person.connection}"))
        for person in session.members()
    ]
    return joined(*people) if people else Html("–")
