"""What tables are made of."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, MetaData, PrimaryKeyConstraint, Sequence, Table, Text, func, text
from sqlalchemy.schema import SchemaItem

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

INFINITY = text("'infinity'")
entity_id_seq = Sequence("entity_id_seq", metadata=metadata, data_type=BigInteger, cache=1)
"""One sequence for all objects of ours that a CRM also knows, so that an id never means two things."""


def at(name: str, *, nullable: bool = False, **kwargs: object) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable, **kwargs)  # type: ignore[arg-type]


def entity_id(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=entity_id_seq.next_value())


def table(name: str, *items: SchemaItem, key: tuple[str, ...]) -> Table:
    """A table of one organization's rows; `key` follows `organization_id` in the primary key."""
    organization_id = Column("organization_id", BigInteger, nullable=False)
    return Table(name, metadata, organization_id, *items, PrimaryKeyConstraint("organization_id", *key))


def current(*items: SchemaItem) -> tuple[SchemaItem, ...]:
    """Columns of objects that are kept in their present state."""
    return (
        *items,
        Column("content_hash", BigInteger, nullable=False, server_default=text("0")),
        at("recorded_at", server_default=func.now()),
        at("gone_at", nullable=True, comment="deleted, archived or merged in the CRM"),
        Column("gone_reason", Text),
    )
