"""However versions are read in parts for the sake of indexes: each that held between is read, and once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from snapshots.database import Database
from snapshots.deal_log import SHORT, Between

pytestmark = pytest.mark.postgres

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, TICK = timedelta(hours=1), timedelta(microseconds=1)
LENGTHS = (timedelta(0), HOUR, timedelta(days=20), SHORT - TICK, SHORT, SHORT + TICK, timedelta(days=90), None)
"""Of versions; None: it holds still."""
LAGS = (timedelta(0), 6 * HOUR, 20 * HOUR, 20 * HOUR + TICK, timedelta(days=30), None)
"""Until it is learnt that one has ended; None: it is not."""


@dataclass(frozen=True, slots=True)
class Version:
    """since None: nobody knows since when."""

    status: str
    since: datetime | None
    until: datetime | None
    recorded: datetime
    superseded: datetime | None


@st.composite
def versions(draw: st.DrawFn) -> Version:
    since = BEGIN + HOUR * draw(st.integers(0, 24 * 150))
    length = draw(st.sampled_from(LENGTHS))
    until = None if length is None else since + length
    recorded = since + draw(st.sampled_from([one for one in LAGS if one is not None]))
    lag = draw(st.sampled_from(LAGS))
    learnt = None if until is None or lag is None else max(until + lag, recorded + TICK)
    is_known = draw(st.integers(0, 9)) > 0
    status = draw(st.sampled_from(["open", "open", "won", "deleted"]))
    return Version(status, since if is_known else None, until, recorded, learnt)


def holds(one: Version, between: Between) -> bool:
    """Whether it touches the time between, as the documentation says."""
    until = one.until
    if between.known is not None:
        if one.recorded >= between.known:
            return False
        until = None if one.superseded is None or one.superseded >= between.known else until
    if until is not None and one.since is not None and until <= one.since:
        return False
    begins = one.since is None or one.since < between.end
    return begins and (between.start is None or until is None or until >= between.start)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(versions(), max_size=30),
    st.integers(0, 24 * 200), st.integers(0, 24 * 100), st.sampled_from([None, 0, 3, 24 * 40]), st.booleans(),
)  # fmt: skip
@example([Version("open", None, BEGIN + SHORT, BEGIN, BEGIN + SHORT + HOUR)], 24 * 45, 24, None, False)
@example([Version("open", BEGIN, BEGIN + SHORT, BEGIN, None)], 24 * 45, 0, None, False)
def test_each_open_version_between_is_read_once(
    database: Database, organization: int, made: list[Version], start: int, days: int, known: int | None, is_ever: bool
) -> None:
    begins = BEGIN + HOUR * start
    end = begins + HOUR * days
    between = Between(None if is_ever else begins, end, None if known is None else end + HOUR * known)
    parameters = {"organization": organization, **between.parameters}
    wanted = Counter({n: 1 for n, one in enumerate(made) if one.status == "open" and holds(one, between)})
    with database.as_owner() as connection:
        for n, one in enumerate(made):
            connection.execute(_INSERT, {
                "organization": organization, "deal": n, "status": one.status, "since": one.since, "until": one.until,
                "recorded": one.recorded, "superseded": one.superseded,
            })  # fmt: skip
        found = connection.execute(text(f"SELECT deal_id FROM ({between.open_versions()}) v"), parameters)
        read = Counter(found.scalars().all())
        connection.rollback()
    assert read == wanted


_INSERT = text(
    "INSERT INTO deal_versions (organization_id, deal_id, valid_from, valid_to, recorded_at, superseded_at, "
    "is_observed, status) VALUES (:organization, :deal, coalesce(cast(:since AS timestamptz), '-infinity'), "
    "coalesce(cast(:until AS timestamptz), 'infinity'), :recorded, "
    "coalesce(cast(:superseded AS timestamptz), 'infinity'), true, :status)"
)
