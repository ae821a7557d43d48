"""Facts in the order of writing instead of by session: a commit touches one page of them instead of one per session."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("session", sa.Column("first_fact", sa.BigInteger, nullable=True))
    op.add_column("session", sa.Column("last_fact", sa.BigInteger, nullable=True))
    if op.get_bind().dialect.name != "sqlite":  # where a constraint's name is the name of its index too
        op.drop_constraint("pk_fact", "fact")
    op.rename_table("fact", "fact_by_session")
    op.create_table(
        "fact",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fact"),
    )
    # By session and not by time: a clock that was set back must not turn the order of one session's facts round.
    op.execute(
        "INSERT INTO fact (session_id, seq, at, kind, body) "
        "SELECT old.session_id, old.seq, old.at, old.kind, old.body FROM fact_by_session AS old "
        "LEFT JOIN session ON session.id = old.session_id ORDER BY session.started_at, old.session_id, old.seq"
    )
    op.execute(
        "UPDATE session SET first_fact = place.first, last_fact = place.last "
        "FROM (SELECT session_id, min(id) AS first, max(id) AS last FROM fact GROUP BY session_id) AS place "
        "WHERE place.session_id = session.id"
    )
    op.drop_table("fact_by_session")
