"""The relay's tables: accounts, tokens, settings, queues, sessions, the journal of facts, history, audit, orders."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Names of constraints are fixed, so that migrations can name them on every database."""

account = Table(
    "account",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("name_key", String(256), nullable=False, unique=True),  # name.casefold(): folding may lengthen it
    Column("display_name", String(60), nullable=False),
    Column("password_hash", String(256), nullable=False),
    Column("privileges", JSON, nullable=False),
    Column("modes", JSON, nullable=False),
    Column("locale", String(16), nullable=False),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("created_at", BigInteger, nullable=False),
    Column("customers_limit", Integer, nullable=True),  # none: the site's; 0: without limit
)

refresh_token = Table(
    "refresh_token",
    metadata,
    Column("hash", String(64), primary_key=True),  # SHA-256, hexadecimal: the token itself is nowhere
    Column("family", String(64), nullable=False, index=True),
    Column("account_id", String(64), ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger, nullable=True),
    Column("revoked", Boolean, nullable=False, default=False),
)

setting = Table(
    "setting",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
)

session = Table(
    "session",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("number", String(16), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=True),
    # Where its facts stand in the journal: none has an id below the first; null when they are deleted.
    Column("first_fact", BigInteger, nullable=True),
    Column("last_fact", BigInteger, nullable=True),
    Index("ix_session_ended_at", "ended_at"),
)

fact = Table(
    "fact",
    metadata,
    # In the order of writing and without an index by session: a group of facts of ten sessions then is one page to be
    # written instead of ten, at a third of the cost. `session.first_fact` says where to look.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("session_id", String(64), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("body", Text, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("who", String(128), nullable=False),
    Column("what", Text, nullable=False),
    Column("session_id", String(64), nullable=True, index=True),
    Column("address", String(64), nullable=False, server_default=""),
    Column("chain", String(64), nullable=False, server_default=""),  # SHA-256 over the one before and this record
)

queue = Table(
    "queue",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("slug", String(64), nullable=False, unique=True),
    Column("name", String(60), nullable=False),
    Column("rule", String(16), nullable=False),
    Column("offer_s", Integer, nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("hours", JSON, nullable=False),  # Monday to Sunday: lists of [start, end] in minutes of the day
    Column("enabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

queue_member = Table(
    "queue_member",
    metadata,
    Column("queue_id", String(64), ForeignKey("queue.id", ondelete="CASCADE"), primary_key=True),
    Column("account_id", String(64), ForeignKey("account.id", ondelete="CASCADE"), primary_key=True, index=True),
)

history = Table(
    "history",
    metadata,
    Column("session_id", String(64), primary_key=True),
    Column("number", String(16), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=True, index=True),  # none: noted while the session lives
    Column("customers", JSON, nullable=False),
    Column("reps", JSON, nullable=False),
    Column("queue_id", String(64), nullable=True),  # no foreign key: a queue may be deleted, its sessions were
    Column("queue_name", String(60), nullable=False),
    Column("tracking_code", String(60), nullable=False),
    Column("end_reason", String(32), nullable=True),
    Column("outcome", String(60), nullable=False),
    Column("notes", Text, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("handling_ms", BigInteger, nullable=True),  # none: nobody accepted it from a queue
    # Folded, for searching: names and what people wrote, which goes with the transcript; and what stays with the row.
    Column("search", Text, nullable=False),
    Column("lasting", Text, nullable=False, server_default=""),
    Index("ix_history_queue_id_ended_at", "queue_id", "ended_at"),
)
"""Sessions as their reps find them again (B-12.7), and how long a queue's ones took (B-11.2)."""

history_rep = Table(
    "history_rep",
    metadata,
    Column("session_id", String(64), ForeignKey("history.session_id", ondelete="CASCADE"), primary_key=True),
    Column("account_id", String(64), primary_key=True, index=True),
    Column("was_controller", Boolean, nullable=False),
)

survey_answer = Table(
    "survey_answer",
    metadata,
    Column("session_id", String(64), ForeignKey("history.session_id", ondelete="CASCADE"), primary_key=True),
    Column("participant_id", String(64), primary_key=True),  # empty: from before answers were kept by customer
    Column("rating", Integer, nullable=False),
    Column("comment", Text, nullable=False),
)
"""What each customer thinks of a session that is over (B-12.7); his comment goes with the transcript."""

end_order = Table(
    "end_order",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("session_id", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)
"""Sessions that the running relay shall end by the command line's word; a row goes when it is taken, or taken back."""
