"""Forms: where leads come in. A form has a draft that people edit, and published versions that never change."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from snapshots.schema.base import at, table

# is_active, fields, thank_you_urls and phone_region are of the program before versions, which reads them while it is
# being replaced; they go with the next release.
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
    Column("status", Text, nullable=False, server_default="published"),
    Column("published_version", Integer, comment="the version that is answered now; null: never published"),
    Column("draft", JSONB, nullable=False, server_default=text("'{}'"), comment="a definition that may have faults"),
    Column("draft_revision", Integer, nullable=False, server_default=text("1"), comment="grows with every change"),
    Column("published_revision", Integer, comment="the revision of the draft that was published last"),
    at("updated_at", server_default=func.now()),
    CheckConstraint("status in ('draft', 'published', 'paused', 'archived')", name="status"),
    UniqueConstraint("organization_id", "key"),
    Index("uq_forms_default", "organization_id", unique=True, postgresql_where=text("is_default")),
    key=("form_id",),
)

form_versions = table(
    "form_versions",
    Column("form_id", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("definition", JSONB, nullable=False, comment="a snapshots.form_definition.Definition"),
    at("published_at", server_default=func.now()),
    Column("published_by", Text, nullable=False),
    key=("form_id", "version"),
)
"""Written once; nobody has the right to change a row."""
