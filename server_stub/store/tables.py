"""The relay's tables: accounts and their tokens, settings, sessions and the journal of facts, the audit log."""

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
    Index("ix_session_ended_at", "ended_at"),
)

fact = Table(
    "fact",
    metadata,
    Column("session_id", String(64), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("body", Text, nullable=False),
    # One B-tree instead of two: half the pages written per commit.
    sqlite_with_rowid=False,
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("who", String(128), nullable=False),
    Column("what", Text, nullable=False),
)
