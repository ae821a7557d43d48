"""History is found also by outcome and notes, without regard to diacritics, and by what stays of it for good."""

import sqlalchemy as sa
from alembic import op

from server_stub.search_words import folded

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("history", sa.Column("lasting", sa.Text, nullable=False, server_default=""))
    names = ("session_id", "number", "tracking_code", "outcome", "notes", "search", "lasting")
    history = sa.table("history", *(sa.column(name) for name in names), sa.column("reps", sa.JSON))
    connection = op.get_bind()
    for session_id in connection.execute(sa.select(history.c.session_id)).scalars().all():
        here = history.c.session_id == session_id
        row = connection.execute(sa.select(history).where(here)).one()
        lasting = "\n".join((row.number, row.tracking_code, *row.reps, row.outcome, row.notes))
        values = {"lasting": folded(lasting), "search": folded(row.search)}
        connection.execute(sa.update(history).where(here).values(values))
