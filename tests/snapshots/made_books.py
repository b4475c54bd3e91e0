"""Leads and deals as a sync leaves them, and scores of them, without a CRM: for what is read of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import text

from snapshots import scores
from snapshots.database import Database
from snapshots.scores import Issued
from snapshots.slices import Role, Viewer

NOW = datetime(2026, 11, 28, 20, tzinfo=UTC)
TODAY = NOW.date()
ANN, BO, CY = 701, 702, 703
"""Ann manages the team in which she and Bo are; Cy is in another one."""


def days(n: float) -> timedelta:
    return timedelta(days=n)


def issued(key: object, score: float = 50.0, **further: Any) -> Issued:
    plain: dict[str, Any] = {
        "log_odds": -1.0, "probability": 0.25, "base_rate": 0.2, "band": "warm", "due_on": TODAY,
        "reasons": [{"group": "base", "words": "average lead", "points": 50.0}],
    }  # fmt: skip
    return Issued(entity_key=str(key), score=score, **(plain | further))


@dataclass(frozen=True)
class Books:
    """One organization's."""

    database: Database
    organization_id: int

    def put(self, table: str, **values: object) -> None:
        names = ("organization_id", *values)
        with self.database.as_app(self.organization_id) as connection:
            connection.execute(
                text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"),
                {"organization_id": self.organization_id, **values},
            )

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with self.database.as_app(self.organization_id) as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def owners(self) -> None:
        for team_id, name, manager_id in ((801, "One", ANN), (802, "Two", CY)):
            self.put("teams", team_id=team_id, name=name, manager_id=manager_id, content_hash=2)
        for owner_id, name, team_id in ((ANN, "Ann", 801), (BO, "Bo", 801), (CY, "Cy", 802)):
            self.put("owners", owner_id=owner_id, name=name, team_id=team_id, content_hash=2)
            self.put(
                "owner_versions", owner_id=owner_id, valid_from=NOW - days(900), recorded_at=NOW - days(900),
                is_observed=True, name=name, is_active=True, team_id=team_id,
            )  # fmt: skip

    def lead(self, lead_id: int, **values: Any) -> None:
        created_at = values.get("created_at", NOW - days(10))
        plain: dict[str, Any] = {
            "content_hash": 2, "recorded_at": NOW - days(9), "created_at": created_at,
            "created_day": created_at.date() if created_at else None, "converted": False, "owner_id": ANN,
        }  # fmt: skip
        self.put("leads", lead_id=lead_id, **(plain | values))

    def deal(self, deal_id: int, *steps: tuple[str, datetime], **values: Any) -> None:
        """steps: what it was from when on."""
        self.put("deals", deal_id=deal_id, name=f"Deal {deal_id}", content_hash=2)
        created_at = steps[0][1] if steps else NOW - days(10)
        taken = steps or (("open", created_at),)
        ends = [at for _, at in taken[1:]] + ["infinity"]
        for (status, at), end in zip(taken, ends, strict=True):
            self.put(
                "deal_versions", deal_id=deal_id, valid_from=at, recorded_at=at, valid_to=end, superseded_at=end,
                is_observed=True, status=status, created_at=created_at, created_day=created_at.date(),
                **({"owner_id": ANN, "amount_minor": 1000, "currency": "EUR"} | values),
            )  # fmt: skip

    def issue(self, *said: Issued, subject: str = "lead", version: int | None = 1, at: datetime = NOW) -> int:
        return scores.issue(self.database, self.organization_id, subject, said, model_version=version, now=at)

    def viewer(self, role: Role = Role.ADMIN, owner_id: int | None = None) -> Viewer:
        return Viewer(self.organization_id, role, owner_id)

    def current(self, *keys: object, subject: str = "lead", viewer: Viewer | None = None) -> dict[str, float]:
        """Scores by key."""
        found = scores.current_of(self.database, viewer or self.viewer(), subject, [str(key) for key in keys])
        return {key: one.score for key, one in found.items()}

    def outcomes(self) -> dict[str, int | None]:
        return dict(self.ask("SELECT entity_key, outcome FROM scores ORDER BY scored_at"))  # type: ignore[arg-type]


def due(n: int) -> date:
    """So many days from today."""
    return TODAY + days(n)
