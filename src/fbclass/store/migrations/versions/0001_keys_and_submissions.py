"""keys and submissions"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("scopes", sa.String(length=200), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("rate", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    op.create_table(
        "nonces",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("nonce", sa.String(length=200), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "nonce", name=op.f("pk_nonces")),
    )
    op.create_index(op.f("ix_nonces_expires_at"), "nonces", ["expires_at"])
    op.create_table(
        "submissions",
        sa.Column("seq", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("form", sa.String(length=200), nullable=False),
        sa.Column("source_id", sa.String(length=200), nullable=True),
        sa.Column("item", sa.String(length=200), server_default="", nullable=False),
        sa.Column("client", sa.String(length=40), nullable=True),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("question", sa.Text(), nullable=True),
        sa.Column("department", sa.Text(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sentiment", sa.String(length=16), nullable=True),
        sa.Column("needs_review", sa.Boolean(), nullable=True),
        sa.Column("prediction", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_submissions")),
        sa.UniqueConstraint("client", "idempotency_key", name=op.f("uq_submissions_client_idempotency_key")),
        sa.UniqueConstraint("id", name=op.f("uq_submissions_id")),
        sa.UniqueConstraint(
            "source", "form", "source_id", "item", name=op.f("uq_submissions_source_form_source_id_item")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_submissions_form_seq"), "submissions", ["form", "seq"])
    op.create_index(op.f("ix_submissions_received_at"), "submissions", ["received_at"])
    op.create_table(
        "dead_letters",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("seq", _NUMBER, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["submissions.seq"], name=op.f("fk_dead_letters_seq"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_dead_letters")),
        sa.UniqueConstraint("event", name=op.f("uq_dead_letters_event")),
    )
    op.create_index(op.f("ix_dead_letters_seq"), "dead_letters", ["seq"])
    op.create_table(
        "outbox",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("seq", _NUMBER, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["submissions.seq"], name=op.f("fk_outbox_seq"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_outbox")),
        sa.UniqueConstraint("event", name=op.f("uq_outbox_event")),
    )
    op.create_index(op.f("ix_outbox_due_at"), "outbox", ["due_at"])
    op.create_index(op.f("ix_outbox_seq"), "outbox", ["seq"])
    op.create_table(
        "submission_themes",
        sa.Column("theme", sa.String(length=40), nullable=False),
        sa.Column("seq", _NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"], ["submissions.seq"], name=op.f("fk_submission_themes_seq"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("theme", "seq", name=op.f("pk_submission_themes")),
    )
    op.create_index(op.f("ix_submission_themes_seq"), "submission_themes", ["seq"])


def downgrade() -> None:
    raise NotImplementedError("there is nothing before the first version: restore a backup instead")
