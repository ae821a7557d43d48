"""Queues and their members, history, limits of accounts, and an audit log whose records are chained."""

import time

import sqlalchemy as sa
from alembic import op

from server_stub.audit import chained

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Never as a batch: SQLite's copy of the table would be dropped with all that hangs on it.
    op.add_column("account", sa.Column("customers_limit", sa.Integer, nullable=True))
    # Until now every account had the one mode there was; from now on it is the site's, unless the account says more.
    op.execute("UPDATE account SET modes = '[]'")
    op.add_column("audit", sa.Column("session_id", sa.String(64), nullable=True))
    op.add_column("audit", sa.Column("address", sa.String(64), nullable=False, server_default=""))
    op.add_column("audit", sa.Column("chain", sa.String(64), nullable=False, server_default=""))
    op.create_index("ix_audit_session_id", "audit", ["session_id"])
    _chain_what_is_there()
    op.create_table(
        "queue",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("slug", sa.String(64), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("rule", sa.String(16), nullable=False),
        sa.Column("offer_s", sa.Integer, nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("hours", sa.JSON, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_queue"),
        sa.UniqueConstraint("slug", name="uq_queue_slug"),
    )
    _make_the_first_queue()
    op.create_table(
        "queue_member",
        sa.Column("queue_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("queue_id", "account_id", name="pk_queue_member"),
        sa.ForeignKeyConstraint(["queue_id"], ["queue.id"], name="fk_queue_member_queue_id_queue", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_queue_member_account_id_account", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_queue_member_account_id", "queue_member", ["account_id"])
    op.create_table(
        "history",
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=True),
        sa.Column("customers", sa.JSON, nullable=False),
        sa.Column("reps", sa.JSON, nullable=False),
        sa.Column("queue_id", sa.String(64), nullable=True),
        sa.Column("queue_name", sa.String(60), nullable=False),
        sa.Column("tracking_code", sa.String(60), nullable=False),
        sa.Column("end_reason", sa.String(32), nullable=True),
        sa.Column("outcome", sa.String(60), nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.Column("rating", sa.Integer, nullable=True),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("lines", sa.Integer, nullable=False),
        sa.Column("handling_ms", sa.BigInteger, nullable=True),
        sa.Column("search", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_history"),
    )
    op.create_index("ix_history_ended_at", "history", ["ended_at"])
    op.create_index("ix_history_queue_id_ended_at", "history", ["queue_id", "ended_at"])
    op.create_table(
        "history_rep",
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("was_controller", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("session_id", "account_id", name="pk_history_rep"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["history.session_id"], name="fk_history_rep_session_id_history", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_history_rep_account_id", "history_rep", ["account_id"])


def _chain_what_is_there() -> None:
    audit = sa.table("audit", *(sa.column(name) for name in ("id", "at", "kind", "who", "what", "chain")))
    connection = op.get_bind()
    chain = ""
    for row in connection.execute(sa.select(audit).order_by(audit.c.id)).all():
        chain = chained(chain, at=row.at, kind=row.kind, who=row.who, what=row.what, session_id="", address="")
        connection.execute(sa.update(audit).where(audit.c.id == row.id).values(chain=chain))


def _make_the_first_queue() -> None:
    """There is always a queue that a session can fall to (B-10.4): this one until the operator names another."""
    queue = sa.table(
        "queue",
        *(sa.column(name) for name in ("id", "slug", "name", "rule", "offer_s", "time_zone", "enabled", "created_at")),
        sa.column("hours", sa.JSON),
    )
    op.get_bind().execute(
        sa.insert(queue).values(
            id="support",
            slug="support",
            name="Support",
            rule="everybody",
            offer_s=30,
            time_zone="UTC",
            hours=[[[0, 1440]]] * 7,
            enabled=True,
            created_at=time.time_ns() // 1_000_000,
        )
    )
