"""The survey's answers by customer instead of one for a session: in single mode several customers answer it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "survey_answer",
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("participant_id", sa.String(64), nullable=False),
        sa.Column("rating", sa.Integer, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("session_id", "participant_id", name="pk_survey_answer"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["history.session_id"], name="fk_survey_answer_session_id_history", ondelete="CASCADE"
        ),
    )
    # Whose answer it was, nobody wrote down until now.
    op.execute(
        "INSERT INTO survey_answer (session_id, participant_id, rating, comment) "
        "SELECT session_id, '', rating, comment FROM history WHERE rating IS NOT NULL"
    )
    op.drop_column("history", "rating")
    op.drop_column("history", "comment")
