"""Live sessions in the admin area: who helps whom since when, and an end with a reason."""

import time

from resources.invitations import in_threes
from server_stub.admin.asking import Answer, Asking, GoneError, GoTo, clock, failed, row
from server_stub.audit import Audit
from server_stub.markup import Html, joined, tag
from server_stub.members import Members
from server_stub.state.decide import Moment, decide_end
from server_stub.state.facts import Fact
from server_stub.state.model import Session
from support_manager.protocol.roles import Role
from support_manager.protocol.views import EndReason

PATH = "/admin/sessions"
_REASON_CHARS = 200


class SessionPages:
    """The pages about live sessions.

    Args:
        members: the sessions.
        audit: told who ended which, and why.
    """

    def __init__(self, members: Members, audit: Audit) -> None:
        self._members = members
        self._audit = audit

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
        box = tag("input", id=name, name="reason", required=True, maxlength=_REASON_CHARS, autocomplete="off")
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
        reason = " ".join(asking.form.text("reason").split())
        if not reason or len(reason) > _REASON_CHARS or not reason.isprintable():
            return await self.everyone(asking, asking.t("session.error.reason"), 422)
        if not session.is_live:
            return GoTo(PATH, "session.was_over")
        await self._audit.record(
            "session_ended_by_admin", who=asking.who, what=reason, session_id=session.id, address=asking.address
        )

        def decision(moment: Moment) -> list[Fact]:
            return decide_end(session, EndReason.RELAY_CLOSED, None, moment) if session.is_live else []

        await self._members.live.change(session, decision)
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
