"""Who is to get which leads: an organization's rules in order, turns and their weights, capacities, absences.

What decides by them stands in `snapshots.routing`. Every change is in the audit log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final, Literal

import orjson
from sqlalchemy import Connection, text

from snapshots import audit
from snapshots.database import Database

MOST_WEIGHT: Final = 10
What = Literal["form", "source", "campaign", "country", "field", "score", "band"]
Test = Literal["is", "contains", "at_least"]
WHATS: Final[tuple[What, ...]] = ("form", "source", "campaign", "country", "field", "score", "band")
TESTS: Final[tuple[Test, ...]] = ("is", "contains", "at_least")
BANDS: Final = ("hot", "warm", "cool", "cold")
"""Of scores, the most likely first."""


class RuleRefused(ValueError):
    """This cannot be a rule, a capacity or an absence; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One thing that a lead must have. what: of the lead; `country` is that of its phone number, ISO 3166; `score` is
    from 0 to 100, `band` one of BANDS, and both are what the model said when the lead came in. name: of the field, for
    `field`. test: one of the values `is` it, is `contain`ed in it, or it is a number and `at_least` the value. Case
    does not matter."""

    what: What
    values: tuple[str, ...]
    test: Test = "is"
    name: str = ""

    @property
    def asks_score(self) -> bool:
        return self.what in {"score", "band"}

    def fault(self) -> str | None:
        """Why it cannot be; None where it can."""
        if self.what not in WHATS or self.test not in TESTS:
            return "There is no such condition."
        if self.what == "field" and not self.name.strip():
            return "Name the field that a condition is about."
        if not [one for one in self.values if one.strip()]:
            return "A condition needs a value."
        if self.test == "at_least" and any(number(one) is None for one in self.values):
            return "“At least” needs a number."
        return self._fault_of_score() if self.asks_score else None

    def _fault_of_score(self) -> str | None:
        if self.what == "band":
            known = {one.strip().casefold() for one in self.values} <= set(BANDS)
            return None if known and self.test == "is" else "A band is hot, warm, cool or cold."
        least = number(self.values[0])
        if self.test != "at_least" or len(self.values) > 1 or least is None or not 0 <= least <= 100:
            return "A score is at least a number from 0 to 100."
        return None


def number(text_: str) -> float | None:
    """A finite number, as people and programs write it; None for any other text."""
    try:
        found = float(text_.strip().replace(",", "."))
    except ValueError:
        return None
    return found if abs(found) < float("inf") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Leads that meet all `conditions` go to one owner, or to the members of a team by turns. weights: of members, by
    owner; 1 where nothing is said, 0 takes no turn. rule_id: 0 until it is stored."""

    name: str
    conditions: tuple[Condition, ...] = ()
    owner_id: int | None = None
    team_id: int | None = None
    weights: Mapping[int, int] = field(default_factory=dict)
    is_active: bool = True
    is_default: bool = False
    rule_id: int = 0
    position: int = 0

    @property
    def asks_score(self) -> bool:
        return any(one.asks_score for one in self.conditions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """An owner gets no leads on these days, both included. stand_in_id: who gets those meant for this one alone."""

    absence_id: int
    owner_id: int
    first_day: date
    last_day: date
    stand_in_id: int | None


_RULE = (
    "SELECT r.rule_id, r.position, r.name, r.is_active, r.is_default, r.conditions, r.owner_id, r.team_id, "
    "coalesce((SELECT jsonb_object_agg(t.owner_id, t.weight) FROM routing_turns t "
    "WHERE t.organization_id = r.organization_id AND t.rule_id = r.rule_id AND t.weight <> 1), '{}') AS weights "
    "FROM routing_rules r WHERE r.organization_id = :organization"
)


def list_rules(database: Database, organization_id: int) -> list[Rule]:
    """In the order in which they are tried, the default last; those that are switched off too."""
    with database.as_app(organization_id) as connection:
        return read_rules(connection, organization_id)


def read_rules(connection: Connection, organization_id: int) -> list[Rule]:
    rows = connection.execute(
        text(f"{_RULE} ORDER BY r.is_default, r.position, r.rule_id"), {"organization": organization_id}
    )
    return [_rule_of(row) for row in rows.mappings()]


def _rule_of(row: Any) -> Rule:
    conditions = tuple(Condition(**{**one, "values": tuple(one["values"])}) for one in row["conditions"])
    weights = {int(owner): int(weight) for owner, weight in row["weights"].items()}
    return Rule(**{**row, "conditions": conditions, "weights": weights})


def save_rule(database: Database, organization_id: int, rule: Rule, *, by: str) -> Rule:
    """Add it behind the others, or change the one with its `rule_id` where it stands. Raises RuleRefused."""
    with database.as_app(organization_id) as connection:
        _check_rule(connection, organization_id, rule)
        before = _find(connection, organization_id, rule.rule_id)
        if rule.rule_id and before is None:
            raise RuleRefused("The rule is gone: somebody removed it meanwhile.")
        saved = _write(connection, organization_id, rule)
        _save_weights(connection, organization_id, saved, rule.weights)
        after = _find(connection, organization_id, saved)
        assert after is not None
        _note(connection, organization_id, by, "routing_rule", saved, _facts(before), _facts(after))
    return after


def _write(connection: Connection, organization_id: int, rule: Rule) -> int:
    values = {
        "organization": organization_id, "id": rule.rule_id, "name": rule.name.strip(), "active": rule.is_active,
        "default": rule.is_default, "owner": rule.owner_id, "team": rule.team_id,
        "conditions": orjson.dumps([_plain(one) for one in rule.conditions]).decode(),
    }  # fmt: skip
    if rule.rule_id:
        statement = (
            "UPDATE routing_rules SET name = :name, is_active = :active, conditions = cast(:conditions AS jsonb), "
            "owner_id = :owner, team_id = :team WHERE organization_id = :organization AND rule_id = :id "
            "RETURNING rule_id"
        )
    else:
        statement = (
            "INSERT INTO routing_rules (organization_id, position, name, is_active, is_default, conditions, owner_id, "
            "team_id) SELECT :organization, coalesce(max(position), 0) + 1, :name, :active, :default, "
            "cast(:conditions AS jsonb), cast(:owner AS bigint), cast(:team AS bigint) FROM routing_rules "
            "WHERE organization_id = :organization RETURNING rule_id"
        )
    return int(connection.execute(text(statement), values).scalar_one())


def _plain(condition: Condition) -> dict[str, object]:
    values = [one.strip() for one in condition.values if one.strip()]
    return {"what": condition.what, "test": condition.test, "name": condition.name.strip(), "values": values}


def _check_rule(connection: Connection, organization_id: int, rule: Rule) -> None:
    if not rule.name.strip():
        raise RuleRefused("Name the rule: the name is shown with each lead that it decides.")
    if (rule.owner_id is None) == (rule.team_id is None):
        raise RuleRefused("Choose who gets the leads: one person, or a team.")
    if rule.is_default and rule.conditions:
        raise RuleRefused("The default takes what no other rule takes, so it has no conditions.")
    if not rule.is_default and not rule.conditions:
        raise RuleRefused("A rule needs a condition. What all others get is the default.")
    for fault in filter(None, (one.fault() for one in rule.conditions)):
        raise RuleRefused(fault)
    if any(not 0 <= weight <= MOST_WEIGHT for weight in rule.weights.values()):
        raise RuleRefused(f"A weight is between 0 and {MOST_WEIGHT}.")
    kind, wanted = ("owner", rule.owner_id) if rule.owner_id is not None else ("team", rule.team_id)
    demand(connection, organization_id, kind, wanted)
    taken = text(
        "SELECT EXISTS (SELECT FROM routing_rules WHERE organization_id = :organization AND is_default "
        "AND rule_id <> :id)"
    )
    if (
        rule.is_default
        and connection.execute(taken, {"organization": organization_id, "id": rule.rule_id}).scalar_one()
    ):
        raise RuleRefused("There is a default already.")


def demand(connection: Connection, organization_id: int, kind: str, entity_id: int | None) -> None:
    """Raises RuleRefused where the organization has no such owner or team."""
    found = connection.execute(
        text(f"SELECT EXISTS (SELECT FROM {kind}s WHERE organization_id = :organization AND {kind}_id = :id)"),
        {"organization": organization_id, "id": entity_id},
    ).scalar_one()
    if not found:
        raise RuleRefused("There is no such salesperson." if kind == "owner" else "There is no such team.")


def _save_weights(connection: Connection, organization_id: int, rule_id: int, weights: Mapping[int, int]) -> None:
    own = {"organization": organization_id, "rule": rule_id}
    connection.execute(
        text("UPDATE routing_turns SET weight = 1 WHERE organization_id = :organization AND rule_id = :rule"), own
    )
    for owner_id, weight in weights.items():
        connection.execute(
            text(
                "INSERT INTO routing_turns (organization_id, rule_id, owner_id, weight) "
                "VALUES (:organization, :rule, :owner, :weight) "
                "ON CONFLICT (organization_id, rule_id, owner_id) DO UPDATE SET weight = excluded.weight"
            ),
            own | {"owner": owner_id, "weight": weight},
        )


def _find(connection: Connection, organization_id: int, rule_id: int) -> Rule | None:
    return next((one for one in read_rules(connection, organization_id) if one.rule_id == rule_id), None)


def _facts(rule: Rule | None) -> dict[str, object] | None:
    if rule is None:
        return None
    return {
        "name": rule.name, "is_active": rule.is_active, "owner_id": rule.owner_id, "team_id": rule.team_id,
        "conditions": [_plain(one) for one in rule.conditions],
        "weights": {str(owner): weight for owner, weight in sorted(rule.weights.items())},
    }  # fmt: skip


def remove_rule(database: Database, organization_id: int, rule_id: int, *, by: str) -> None:
    """Leads that it decided keep their owner."""
    with database.as_app(organization_id) as connection:
        before = _find(connection, organization_id, rule_id)
        if before is None:
            return
        for table in ("routing_rules", "routing_turns"):  # in the order in which a lead that is given locks them
            connection.execute(
                text(f"DELETE FROM {table} WHERE organization_id = :organization AND rule_id = :rule"),
                {"organization": organization_id, "rule": rule_id},
            )
        _note(connection, organization_id, by, "routing_rule", rule_id, _facts(before), None)


def move_rule(database: Database, organization_id: int, rule_id: int, step: int, *, by: str) -> bool:
    """One place up (-1) or down (1). False where it stands at that end, or is the default."""
    with database.as_app(organization_id) as connection:
        rules = [one for one in read_rules(connection, organization_id) if not one.is_default]
        was = next((at for at, one in enumerate(rules) if one.rule_id == rule_id), None)
        if was is None or not 0 <= was + step < len(rules):
            return False
        before = [one.name for one in rules]
        rules.insert(was + step, rules.pop(was))
        connection.execute(
            text("UPDATE routing_rules SET position = :at WHERE organization_id = :organization AND rule_id = :rule"),
            sorted(
                ({"organization": organization_id, "rule": one.rule_id, "at": at} for at, one in enumerate(rules, 1)),
                key=lambda row: row["rule"],  # as a lead that is given locks them
            ),
        )
        after = [one.name for one in rules]
        _note(connection, organization_id, by, "routing_rule", rule_id, {"order": before}, {"order": after})
    return True


# --- people ----------------------------------------------------------------------------------------------------------


def capacities(database: Database, organization_id: int) -> dict[int, int]:
    """Leads that an owner gets on a day at most; who is not in it has no limit."""
    with database.as_app(organization_id) as connection:
        return read_capacities(connection, organization_id)


def read_capacities(connection: Connection, organization_id: int) -> dict[int, int]:
    rows = connection.execute(
        text("SELECT owner_id, per_day FROM routing_capacities WHERE organization_id = :organization"),
        {"organization": organization_id},
    )
    return {row.owner_id: row.per_day for row in rows}


def set_capacity(database: Database, organization_id: int, owner_id: int, per_day: int | None, *, by: str) -> None:
    """None: no limit. Raises RuleRefused."""
    if per_day is not None and per_day < 1:
        raise RuleRefused("A capacity is at least one lead a day. Who is to get none is absent, or has the weight 0.")
    own: dict[str, object] = {"organization": organization_id, "owner": owner_id}
    with database.as_app(organization_id) as connection:
        demand(connection, organization_id, "owner", owner_id)
        before = read_capacities(connection, organization_id).get(owner_id)
        connection.execute(
            text("DELETE FROM routing_capacities WHERE organization_id = :organization AND owner_id = :owner"), own
        )
        if per_day is not None:
            connection.execute(
                text("INSERT INTO routing_capacities (organization_id, owner_id, per_day) "
                     "VALUES (:organization, :owner, :n)"), own | {"n": per_day},
            )  # fmt: skip
        _note(connection, organization_id, by, "capacity", owner_id, {"per_day": before}, {"per_day": per_day})


def list_absences(database: Database, organization_id: int, *, since: date) -> list[Absence]:
    """Those that are not over on the day `since`, the next first."""
    with database.as_app(organization_id) as connection:
        return read_absences(connection, organization_id, since=since)


def read_absences(connection: Connection, organization_id: int, *, since: date) -> list[Absence]:
    rows = connection.execute(
        text(
            "SELECT absence_id, owner_id, first_day, last_day, stand_in_id FROM absences "
            "WHERE organization_id = :organization AND last_day >= :since ORDER BY first_day, absence_id"
        ),
        {"organization": organization_id, "since": since},
    )
    return [Absence(**row) for row in rows.mappings()]


def add_absence(database: Database, organization_id: int, absence: Absence, *, by: str) -> Absence:
    """Its `absence_id` counts for nothing. Raises RuleRefused."""
    if absence.last_day < absence.first_day:
        raise RuleRefused("The last day comes before the first.")
    if absence.stand_in_id == absence.owner_id:
        raise RuleRefused("Nobody stands in for oneself.")
    with database.as_app(organization_id) as connection:
        for owner_id in filter(None, (absence.owner_id, absence.stand_in_id)):
            demand(connection, organization_id, "owner", owner_id)
        absence_id = connection.execute(
            text(
                "INSERT INTO absences (organization_id, owner_id, first_day, last_day, stand_in_id) "
                "VALUES (:organization, :owner, :first, :last, :stand_in) RETURNING absence_id"
            ),
            {
                "organization": organization_id, "owner": absence.owner_id, "first": absence.first_day,
                "last": absence.last_day, "stand_in": absence.stand_in_id,
            },
        ).scalar_one()  # fmt: skip
        made = replace(absence, absence_id=absence_id)
        _note(connection, organization_id, by, "absence", absence_id, None, _days_of(made))
    return made


def remove_absence(database: Database, organization_id: int, absence_id: int, *, by: str) -> None:
    """Nothing where it is gone already."""
    with database.as_app(organization_id) as connection:
        row = (
            connection.execute(
                text(
                    "DELETE FROM absences WHERE organization_id = :organization AND absence_id = :id "
                    "RETURNING absence_id, owner_id, first_day, last_day, stand_in_id"
                ),
                {"organization": organization_id, "id": absence_id},
            )
            .mappings()
            .one_or_none()
        )
        if row is not None:
            _note(connection, organization_id, by, "absence", absence_id, _days_of(Absence(**row)), None)


def _days_of(absence: Absence) -> dict[str, object]:
    return {
        "owner_id": absence.owner_id, "first_day": absence.first_day, "last_day": absence.last_day,
        "stand_in_id": absence.stand_in_id,
    }  # fmt: skip


def _note(
    connection: Connection, organization_id: int, by: str, subject: str, subject_id: int,
    before: audit.Values | None, after: audit.Values | None,
) -> None:  # fmt: skip
    action = "created" if before is None else "removed" if after is None else "changed"
    audit.record(
        connection, organization_id, by=by, action=action, subject=subject, subject_id=str(subject_id),
        before=before, after=after,
    )  # fmt: skip


def named(rules: Sequence[Rule], rule_id: int | None) -> str | None:
    """The name of a rule; None where it is none or was removed."""
    return next((one.name for one in rules if one.rule_id == rule_id), None)
