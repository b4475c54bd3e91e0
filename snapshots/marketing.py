"""Sources and campaigns: their names and aliases, the rules that make them of what visits say, and what they cost.

A change of names, aliases or rules counts for all visits that ever came, at once, and stands in the audit log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final, Literal

import pandas as pd
import psycopg
from sqlalchemy import Connection, text

from snapshots import audit, tables
from snapshots.database import Database
from snapshots.origins import CONDITIONS, UtmRule, clean, resolve_again

NameKind = Literal["source", "campaign"]
KINDS: Final[tuple[NameKind, ...]] = ("source", "campaign")
MOST_RULES: Final = 200


class NameTaken(ValueError):
    """The name or alias stands for something else already; the message says for what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A source or campaign. aliases: in lower case; its own name is none of them."""

    name_id: int
    kind: NameKind
    name: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What was paid for a source or campaign from first to last day, both included."""

    name_id: int
    first_day: date
    last_day: date
    amount_minor: int
    currency: str
    cost_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A word that visits said and that is neither a name nor an alias. n: visits that are counted."""

    kind: NameKind
    word: str
    n: int
    last_day: date


COSTS: Final[dict[str, str]] = {
    "kind": "object",
    "name": "object",
    "first_day": "datetime64[ns]",
    "last_day": "datetime64[ns]",
    "currency": "object",
    "amount_minor": "int64",
}


@dataclass(frozen=True, slots=True)
class Marketing:
    """The sources and campaigns of one organization. by: who changes them."""

    database: Database
    organization_id: int
    by: str = audit.PROGRAM

    # --- names ---

    def names(self, kind: NameKind) -> list[Name]:
        """By name."""
        rows = self._read(
            "SELECT n.name_id, n.kind, n.name, coalesce(array_agg(a.alias ORDER BY a.alias) "
            "FILTER (WHERE a.alias IS NOT NULL), '{}') AS aliases FROM marketing_names n "
            "LEFT JOIN marketing_aliases a ON a.organization_id = :organization AND a.name_id = n.name_id "
            "WHERE n.organization_id = :organization AND n.kind = :kind GROUP BY 1, 2, 3 ORDER BY lower(n.name)",
            kind=kind,
        )
        return [Name(**{**row, "aliases": tuple(row["aliases"])}) for row in rows]

    def add(self, kind: NameKind, name: str, *, aliases: Sequence[str] = ()) -> int:
        """A new one; returns its number. Raises NameTaken, and ValueError for an empty name."""
        wanted = clean(name)
        if not wanted:
            raise ValueError(f"A {kind} needs a name.")
        with self.database.as_app(self.organization_id) as connection:
            self._demand_free(connection, kind, wanted, of=None)
            name_id = int(
                self._do(
                    connection,
                    "INSERT INTO marketing_names (organization_id, kind, name) VALUES (:organization, :kind, :name) "
                    "RETURNING name_id",
                    kind=kind, name=wanted,
                ).scalar_one()
            )  # fmt: skip
            self._set_aliases(connection, kind, name_id, wanted, aliases)
            self._changed(connection, kind, name_id, None, {"name": wanted, "aliases": _aliases(aliases, wanted)})
        return name_id

    def change(self, name: Name) -> None:
        """Another name or other aliases. Raises NameTaken, LookupError and ValueError."""
        wanted = clean(name.name)
        if not wanted:
            raise ValueError(f"A {name.kind} needs a name.")
        before = self._one(name.kind, name.name_id)
        with self.database.as_app(self.organization_id) as connection:
            self._demand_free(connection, name.kind, wanted, of=name.name_id)
            self._do(
                connection,
                "UPDATE marketing_names SET name = :name WHERE organization_id = :organization AND name_id = :name_id",
                name=wanted, name_id=name.name_id,
            )  # fmt: skip
            self._set_aliases(connection, name.kind, name.name_id, wanted, name.aliases)
            after = {"name": wanted, "aliases": _aliases(name.aliases, wanted)}
            self._changed(connection, name.kind, name.name_id, _facts(before), after)

    def add_alias(self, kind: NameKind, name_id: int, word: str) -> None:
        """The word stands for this name from now on. Raises NameTaken and LookupError."""
        known = self._one(kind, name_id)
        self.change(Name(name_id=name_id, kind=kind, name=known.name, aliases=(*known.aliases, word)))

    def remove(self, kind: NameKind, name_id: int) -> None:
        """With its aliases and what it cost. What visits said is shown as it came again."""
        before = self._one(kind, name_id)
        with self.database.as_app(self.organization_id) as connection:
            for table in ("marketing_aliases", "marketing_costs", "marketing_names"):
                self._do(
                    connection,
                    f"DELETE FROM {table} WHERE organization_id = :organization AND name_id = :name_id",
                    name_id=name_id,
                )
            self._changed(connection, kind, name_id, _facts(before), None)

    def unknown(self, kind: NameKind, *, most: int = 50) -> list[Unknown]:
        """Words that visits said and nobody named, the most frequent first."""
        column = "source" if kind == "source" else "campaign"
        rows = self._read(
            f"SELECT o.{column} AS word, sum(d.n_views)::bigint AS n, max(d.day) AS last_day FROM visit_daily d "
            "JOIN visit_origins o ON o.organization_id = :organization AND o.origin_id = d.origin_id "
            f"WHERE d.organization_id = :organization AND d.kind = 0 AND o.{column} NOT IN ('', 'direct') "
            "AND NOT EXISTS (SELECT FROM marketing_names n WHERE n.organization_id = :organization "
            f"AND n.kind = :kind AND n.name = o.{column}) GROUP BY 1 HAVING sum(d.n_views) > 0 ORDER BY 2 DESC, 1 "
            "LIMIT :most",
            kind=kind, most=most,
        )  # fmt: skip
        return [Unknown(kind=kind, **row) for row in rows]

    # --- rules ---

    def rules(self) -> list[UtmRule]:
        """In the order in which they are asked."""
        names = ", ".join(("source", "campaign", *CONDITIONS))
        rows = self._read(f"SELECT {names} FROM utm_rules WHERE organization_id = :organization ORDER BY position")
        return [UtmRule(**row) for row in rows]

    def save_rules(self, rules: Sequence[UtmRule]) -> None:
        """Replace them. Raises ValueError for one without a source or a condition, which names it."""
        for number, rule in enumerate(rules, start=1):
            if not rule.source.strip() or not any(getattr(rule, name) for name in CONDITIONS):
                raise ValueError(f"Rule {number} needs a source and at least one condition.")
        if len(rules) > MOST_RULES:
            raise ValueError(f"There are {len(rules)} rules; {MOST_RULES} is the most.")
        before = {"rules": [asdict(one) for one in self.rules()]}
        with self.database.as_app(self.organization_id) as connection:
            self._do(connection, "DELETE FROM utm_rules WHERE organization_id = :organization")
            names = ("source", "campaign", *CONDITIONS)
            for position, rule in enumerate(rules):
                values = {name: clean(getattr(rule, name)) for name in names}
                self._do(
                    connection,
                    f"INSERT INTO utm_rules (organization_id, position, {', '.join(names)}) VALUES "
                    f"(:organization, :position, {', '.join(f':{name}' for name in names)})",
                    position=position, **values,
                )  # fmt: skip
            after = {"rules": [asdict(one) for one in rules]}
            audit.record(connection, self.organization_id, by=self.by, action="UTM rules changed", subject="source",
                         subject_id="rules", before=before, after=after)  # fmt: skip
            self._resolve_again(connection)

    # --- costs ---

    def costs(self) -> list[Cost]:
        """The latest first."""
        rows = self._read(
            "SELECT cost_id, name_id, first_day, last_day, amount_minor, currency FROM marketing_costs "
            "WHERE organization_id = :organization ORDER BY first_day DESC, cost_id DESC"
        )
        return [Cost(**row) for row in rows]

    def add_cost(self, cost: Cost) -> int:
        """Raises ValueError where the days are in the wrong order, the amount is negative or has no currency, or the
        same was entered before."""
        if cost.last_day < cost.first_day:
            raise ValueError("The last day lies before the first.")
        if cost.amount_minor < 0 or len(cost.currency.strip()) != 3:
            raise ValueError("A cost is an amount with a currency of three letters, such as EUR.")
        values = asdict(cost) | {"currency": cost.currency.strip().upper()}
        del values["cost_id"]
        with self.database.as_app(self.organization_id) as connection:
            self._demand_new(connection, values)
            cost_id = int(
                self._do(
                    connection,
                    "INSERT INTO marketing_costs (organization_id, name_id, first_day, last_day, amount_minor, "
                    "currency) VALUES (:organization, :name_id, :first_day, :last_day, :amount_minor, :currency) "
                    "RETURNING cost_id",
                    **values,
                ).scalar_one()
            )
            audit.record(connection, self.organization_id, by=self.by, action="cost added", subject="cost",
                         subject_id=str(cost_id), before=None, after=values)  # fmt: skip
        return cost_id

    def _demand_new(self, connection: Connection, values: Mapping[str, object]) -> None:
        # The name is locked, so that a second click waits for the first one and then finds its cost.
        self._do(
            connection,
            "SELECT 1 FROM marketing_names WHERE organization_id = :organization AND name_id = :name_id FOR UPDATE",
            name_id=values["name_id"],
        )
        found = self._do(
            connection,
            "SELECT 1 FROM marketing_costs WHERE organization_id = :organization AND name_id = :name_id "
            "AND first_day = :first_day AND last_day = :last_day AND amount_minor = :amount_minor "
            "AND currency = :currency LIMIT 1",
            **values,
        )
        if found.first() is not None:
            raise ValueError(
                "This cost is there already: the same name, days and amount. If it was paid twice, enter the sum."
            )

    def remove_cost(self, cost_id: int) -> None:
        """One that is not there is no fault."""
        before = next((one for one in self.costs() if one.cost_id == cost_id), None)
        with self.database.as_app(self.organization_id) as connection:
            self._do(
                connection,
                "DELETE FROM marketing_costs WHERE organization_id = :organization AND cost_id = :cost_id",
                cost_id=cost_id,
            )
            if before is not None:
                audit.record(connection, self.organization_id, by=self.by, action="cost removed", subject="cost",
                             subject_id=str(cost_id), before=asdict(before), after=None)  # fmt: skip

    def cost_frame(self) -> pd.DataFrame:
        """COSTS: each with the name that it was paid for."""
        rows = self._read(
            "SELECT n.kind, n.name, c.first_day, c.last_day, c.currency, c.amount_minor FROM marketing_costs c "
            "JOIN marketing_names n ON n.organization_id = :organization AND n.name_id = c.name_id "
            "WHERE c.organization_id = :organization ORDER BY c.cost_id"
        )
        return tables.shaped([tuple(row.values()) for row in rows], COSTS)

    # --- how ---

    def _read(self, query: str, **values: object) -> list[dict[str, Any]]:
        with self.database.as_app(self.organization_id) as connection:
            rows = connection.execute(text(query), {"organization": self.organization_id, **values}).mappings()
            return [dict(row) for row in rows]

    def _do(self, connection: Connection, statement: str, **values: object) -> Any:
        return connection.execute(text(statement), {"organization": self.organization_id, **values})

    def _one(self, kind: NameKind, name_id: int) -> Name:
        found = next((one for one in self.names(kind) if one.name_id == name_id), None)
        if found is None:
            raise LookupError(f"There is no {kind} {name_id}.")
        return found

    def _demand_free(self, connection: Connection, kind: NameKind, word: str, *, of: int | None) -> None:
        """Raises NameTaken where the word stands for another name than `of`."""
        taken = self._do(
            connection,
            "SELECT n.name FROM marketing_names n LEFT JOIN marketing_aliases a ON a.organization_id = :organization "
            "AND a.name_id = n.name_id AND a.alias = lower(:word) WHERE n.organization_id = :organization "
            "AND n.kind = :kind AND n.name_id IS DISTINCT FROM cast(:of AS bigint) "
            "AND (lower(n.name) = lower(:word) OR a.alias IS NOT NULL) LIMIT 1",
            kind=kind, word=word, of=of,
        ).scalar_one_or_none()  # fmt: skip
        if taken is not None:
            raise NameTaken(f"“{word}” stands for the {kind} {taken} already.")

    def _set_aliases(
        self, connection: Connection, kind: NameKind, name_id: int, name: str, aliases: Sequence[str]
    ) -> None:
        self._do(
            connection,
            "DELETE FROM marketing_aliases WHERE organization_id = :organization AND name_id = :name_id",
            name_id=name_id,
        )
        for alias in _aliases(aliases, name):
            self._demand_free(connection, kind, alias, of=name_id)
            self._do(
                connection,
                "INSERT INTO marketing_aliases (organization_id, kind, alias, name_id) "
                "VALUES (:organization, :kind, :alias, :name_id)",
                kind=kind, alias=alias, name_id=name_id,
            )  # fmt: skip

    def _changed(
        self,
        connection: Connection,
        kind: NameKind,
        name_id: int,
        before: Mapping[str, object] | None,
        after: Mapping[str, object] | None,
    ) -> None:
        action = f"{kind} {'added' if before is None else 'removed' if after is None else 'changed'}"
        audit.record(connection, self.organization_id, by=self.by, action=action, subject=kind,
                     subject_id=str(name_id), before=before, after=after)  # fmt: skip
        self._resolve_again(connection)

    def _resolve_again(self, connection: Connection) -> None:
        driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
        resolve_again(driver, self.organization_id)


def _facts(name: Name) -> dict[str, object]:
    return {"name": name.name, "aliases": list(name.aliases)}


def _aliases(words: Sequence[str], name: str) -> list[str]:
    """As they are kept: in lower case, each once, without the name itself."""
    kept = {clean(word).lower() for word in words}
    return sorted(kept - {"", name.lower()})
