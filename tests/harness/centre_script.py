"""People of a support centre, as tests of the windows script them: colleagues, agents, an Inbox, sessions with many."""

from support_manager.events import SessionSnapshot
from support_manager.protocol.requests import Targets
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import (
    AccountView,
    AgentView,
    Connection,
    InboxItem,
    InboxKind,
    InboxView,
    Mode,
    ParticipantView,
    Presence,
    QueueView,
)
from tests.harness.session_script import REP, now_ms, person
from tests.harness.session_window import WindowUnderTest, drain

AGENT = AccountView(id="a1", name="maria", display_name="Maria Grigore", privileges=("agent",))
QUEUES = (
    QueueView(id="q1", slug="support", name="Support", is_open=True, waiting=2, online=3, is_member=True),
    QueueView(id="q2", slug="billing", name="Billing", is_open=False),
)
TARGETS = Targets(
    queues=QUEUES,
    agents=(
        AgentView(account_id="off", name="Vlad", presence=Presence.OFFLINE),
        AgentView(account_id="away", name="Zoe", presence=Presence.AWAY),
        AgentView(account_id="on", name="Dan Pop", presence=Presence.ONLINE, customers=1, limit=3),
    ),
)
ANA = person("Ana Popescu")
ION = person("Ion Vasilescu", id="ion", role=Role.SECONDARY)
EVE = person("Eve", id="eve", role=Role.WAITING)


def rep(name: str = "Dan Pop", role: Role = Role.ASSISTANT, **changes: object) -> ParticipantView:
    """A representative; his id is the first word of his name in small letters."""
    given: dict[str, object] = {"connection": Connection.ONLINE, "joined_at": 1, "id": name.split()[0].casefold()}
    return ParticipantView(role=role, name=name, **(given | changes))  # type: ignore[arg-type]


def be_agent(desk: WindowUnderTest, *items: InboxItem, presence: Presence = Presence.ONLINE) -> None:
    """Give the rep of a window the agent privilege, and an Inbox."""
    desk.intents.account = AGENT
    desk.intents.set_inbox(InboxView(presence=presence, chosen=presence, items=items, queues=QUEUES))
    drain()


def item(
    session_id: str, customer: str, *, age_s: float = 60, offered_s: float | None = None, **more: object
) -> InboxItem:
    """An entry of the Inbox, waiting for `age_s`, offered for `offered_s` still (None: not offered)."""
    given: dict[str, object] = {
        "kind": InboxKind.WAITING,
        "queue_id": "q1",
        "queue_name": "Support",
        "since": now_ms() - int(age_s * 1000),
        "offered": offered_s is not None,
        "offered_until": None if offered_s is None else now_ms() + int(offered_s * 1000),
    }
    return InboxItem(session_id=session_id, customer=customer, **(given | more))  # type: ignore[arg-type]


def controlled(desk: WindowUnderTest, *people: ParticipantView, mode: Mode = Mode.SINGLE) -> SessionSnapshot:
    """A running session of which the window's rep is in charge."""
    made = desk.intents.open(mode=mode)
    desk.intents.change(made.id, view={"participants": (REP, ANA, *people), "state": SessionState.ACTIVE})
    drain()
    return made


def assisted(desk: WindowUnderTest, number: str = "555666777", **me: object) -> SessionSnapshot:
    """A running session of Dan's, in which the window's rep assists."""
    made = desk.intents.open(number)
    people = (rep("Maria Grigore", id="rep", **me), rep(role=Role.CONTROLLER), ANA)
    desk.intents.change(made.id, view={"participants": people, "state": SessionState.ACTIVE})
    drain()
    return made
