"""Forms: where leads come in."""

from __future__ import annotations

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, Identity, Index, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB

from snapshots.schema.base import at, table

forms = table(
    "forms",
    Column("form_id", BigInteger, Identity(), nullable=False),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False, comment="public: names organization and form, proves nothing"),
    Column("is_default", Boolean, nullable=False, server_default=text("false")),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("connection_id", BigInteger, comment="where its leads go; null: the first connection that takes leads"),
    Column("fields", JSONB, nullable=False, server_default=text("'[]'"), comment="extra fields that reach the CRM"),
    Column("thank_you_urls", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("phone_region", Text, comment="ISO 3166 country of phone numbers without a country code"),
    at("created_at", server_default=func.now()),
    UniqueConstraint("organization_id", "key"),
    Index("uq_forms_default", "organization_id", unique=True, postgresql_where=text("is_default")),
    key=("form_id",),
)
