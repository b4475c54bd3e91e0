"""Flags are intervals of judged days whose end alone moves; who sees a deal sees its flags; snoozes quiet them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from made_books import ANN, BO, CY, NOW, TODAY, Books, days
from sqlalchemy import text

from insights.health import words
from snapshots import health_flags, health_rows
from snapshots.database import Database
from snapshots.health_flags import HealthRun, Raised
from snapshots.health_rows import Asked
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer

AS_NOW = Slice(first_day=None, last_day=TODAY, as_of=TODAY)


@pytest.fixture
def books(database: Database, organization: int) -> Books:
    made = Books(database, organization)
    made.owners()
    for deal_id, owner_id, minor in ((1, ANN, 500), (2, BO, 300), (3, CY, None), (4, CY, 400)):
        made.deal(deal_id, ("open", NOW - days(100)), owner_id=owner_id, amount_minor=minor)
    return made


def judged(books: Books, day: date, *raised: tuple[int, str], value: int = 1, **further: object) -> int:
    run = HealthRun(
        day=day, judged_at=datetime(day.year, day.month, day.day, 6, tzinfo=UTC), is_replayed=False,
        rules_version="1", n_open=4, n_won=0, not_applied={}, record={}, **further,  # type: ignore[arg-type]
    )  # fmt: skip
    flags = [Raised(deal_id, rule, {"value": value}) for deal_id, rule in raised]
    return health_flags.keep(books.database, books.organization_id, run, flags)


def intervals(books: Books) -> list[tuple[object, ...]]:
    return books.ask(
        "SELECT deal_id, rule, first_day - date '2026-11-28', last_day - first_day, "
        "evidence->>'value', latest->>'value' FROM health_flags ORDER BY deal_id, rule, first_day"
    )


def test_a_flag_goes_on_while_every_judged_day_raises_it_and_begins_anew_after_a_gap(books: Books) -> None:
    day = TODAY - days(40)
    assert judged(books, day, (1, "stale"), value=10) == 1
    assert judged(books, day + days(7), (1, "stale"), value=17) == 0
    assert judged(books, day + days(14)) == 0
    assert judged(books, day + days(21), (1, "stale"), value=31) == 1
    assert intervals(books) == [(1, "stale", -40, 7, "10", "17"), (1, "stale", -19, 0, "31", "31")]


def test_a_day_that_is_judged_again_adds_and_takes_nothing_back(books: Books) -> None:
    judged(books, TODAY, (1, "stale"))
    assert judged(books, TODAY, (2, "pushed")) == 1
    assert judged(books, TODAY, (1, "stale"), (2, "pushed")) == 0
    assert [row[:2] for row in intervals(books)] == [(1, "stale"), (2, "pushed")]


def test_a_day_before_the_newest_judged_one_is_settled(books: Books) -> None:
    judged(books, TODAY)
    assert judged(books, TODAY - days(1), (1, "stale")) == 0
    assert intervals(books) == []
    assert [run.day for run in health_flags.runs_between(books.database, books.organization_id, date.min, TODAY)] == [
        TODAY
    ]


def test_what_was_raised_never_changes_but_for_its_end(books: Books) -> None:
    judged(books, TODAY, (1, "stale"))
    for column in ("evidence", "first_day", "rule", "raised_at"):
        with books.database.as_app(books.organization_id) as link, pytest.raises(Exception, match="permission denied"):
            link.execute(text(f"UPDATE health_flags SET {column} = {column}"))


def asked(**further: object) -> Asked:
    return Asked(run_day=TODAY, snoozed_on=TODAY, **further)  # type: ignore[arg-type]


def listed(books: Books, viewer: Viewer, slice_: Slice = AS_NOW, **further: object) -> list[int]:
    reader = Reader(books.database, viewer)
    found = health_rows.flagged(reader, slice_, asked(**further)).rows["deal_id"].tolist()
    assert health_rows.n_flagged(reader, slice_, asked(**further)) == len(found)
    return found


def test_who_sees_a_deal_sees_its_flags_and_nobody_else(books: Books, other_organization: int) -> None:
    judged(books, TODAY, *((deal_id, "stale") for deal_id in (1, 2, 3, 4)))
    assert listed(books, books.viewer()) == [1, 4, 2, 3], "the largest first, without an amount last"
    assert listed(books, books.viewer(Role.REP, BO)) == [2]
    assert listed(books, books.viewer(Role.MANAGER, ANN)) == [1, 2]
    assert listed(books, books.viewer(), replace(AS_NOW, owner_ids=(CY,))) == [4, 3]
    outsider = Viewer(other_organization, Role.ADMIN)
    assert listed(books, outsider) == []
    for deal_id, sees in ((1, False), (2, True)):
        reader = Reader(books.database, books.viewer(Role.REP, BO))
        assert bool(health_rows.flags_of_deal(reader, AS_NOW, deal_id)) is sees
    assert health_rows.flags_of_deal(Reader(books.database, outsider), AS_NOW, 2) == []


def test_a_deal_that_closed_since_it_was_judged_is_left_out(books: Books) -> None:
    books.deal(9, ("open", NOW - days(50)), ("won", NOW - timedelta(hours=1)))
    judged(books, TODAY, (1, "stale"), (9, "stale"))
    assert listed(books, books.viewer()) == [1]


def test_a_past_day_shows_what_was_raised_by_then(books: Books) -> None:
    day = TODAY - days(10)
    judged(books, day, (1, "stale"), value=3)
    judged(books, TODAY, (1, "stale"), (2, "pushed"), value=13)
    reader = Reader(books.database, books.viewer())
    run = health_flags.run_of(books.database, books.organization_id, TODAY - days(4))
    assert run is not None
    assert run.day == day
    then = replace(AS_NOW, as_of=TODAY - days(4), last_day=TODAY - days(4))
    found = health_rows.flagged(reader, then, Asked(run_day=run.day, snoozed_on=then.as_of)).rows
    assert found["deal_id"].tolist() == [1]
    assert [one["evidence"] for one in found["flags"][0]] == [{"value": 3}]
    assert words.on_day(found["flags"][0][0], run.day) == ({"value": 3}, "")
    assert [one["evidence"] for one in health_rows.flagged(reader, AS_NOW, asked()).rows["flags"][0]] == [{"value": 13}]


def test_a_judged_day_between_tells_the_days_of_that_day(books: Books) -> None:
    for ago in (10, 7, 0):
        judged(books, TODAY - days(ago), (1, "stale"), value=40 - ago)
    then = replace(AS_NOW, as_of=TODAY - days(7), last_day=TODAY - days(7))
    reader = Reader(books.database, books.viewer())
    found = health_rows.flagged(reader, then, Asked(run_day=then.as_of, snoozed_on=then.as_of)).rows
    assert words.on_day(found["flags"][0][0], then.as_of) == ({"value": 33}, "")


def test_rules_stages_and_pages_narrow_the_list(books: Books) -> None:
    judged(books, TODAY, (1, "stale"), (1, "pushed"), (2, "pushed"), (3, "pushed"), (4, "stale"))
    assert listed(books, books.viewer(), rules=("pushed",)) == [1, 2, 3]
    assert listed(books, books.viewer(), stage_ids=(77,)) == []
    reader = Reader(books.database, books.viewer())
    seen, after = [], None
    for _ in range(5):
        page = health_rows.flagged(reader, AS_NOW, asked(), after=after, limit=1)
        seen += page.rows["deal_id"].tolist()
        after = page.after
        if after is None:
            break
    assert seen == [1, 4, 2, 3]
    sums = health_rows.flag_sums(reader, AS_NOW, asked()).set_index("rule")
    assert sums.loc["pushed", ["n", "n_valued", "amount_minor"]].tolist() == [3, 2, 800]


@pytest.mark.parametrize(
    ("to", "expected"), [("EUR", [11, 1, 13, 4, 2, 10, 14, 12, 3]), (None, [1, 4, 2, 14, 11, 10, 13, 12, 3])]
)
def test_amounts_in_several_currencies_are_ordered_by_what_they_are_worth(
    books: Books, to: str | None, expected: list[int]
) -> None:
    """1,000 yen have no smaller unit; 450 dollars are worth 405 euros; nobody entered a rate for pounds."""
    with books.database.as_worker() as connection:
        connection.execute(
            text("UPDATE organizations SET reporting_currency = :to WHERE organization_id = :id"),
            {"to": to, "id": books.organization_id},
        )
    for day, currency, rate in ((1, "USD", 0.9), (9, "USD", 0.1), (1, "JPY", 0.006)):
        books.put("currency_rates", currency=currency, to_currency="EUR", day=TODAY - days(day), rate=rate)
    books.put("currency_rates", currency="GBP", to_currency="EUR", day=TODAY + days(1), rate=9.0)
    more = ((10, 1, "JPY"), (11, 1000, "JPY"), (12, 99, None), (13, 450, "USD"), (14, 100, "GBP"))
    for deal_id, minor, currency in more:
        made = {"owner_id": ANN, "amount_minor": minor, "currency": currency}
        books.deal(deal_id, ("open", NOW - days(100)), **made)
    judged(books, TODAY, *((deal_id, "stale") for deal_id in (1, 2, 3, 4, 10, 11, 12, 13, 14)))
    reader = Reader(books.database, books.viewer())
    for limit in (2, 50):
        seen: list[int] = []
        page = health_rows.flagged(reader, AS_NOW, asked(), limit=limit)
        seen += page.rows["deal_id"].tolist()
        while page.after is not None:
            page = health_rows.flagged(reader, AS_NOW, asked(), after=page.after, limit=limit)
            seen += page.rows["deal_id"].tolist()
        assert seen == expected


def snoozed(
    books: Books, *, until: date = TODAY + days(7), now: datetime = NOW, reason: str = "they are on leave"
) -> None:
    health_flags.snooze(
        books.database, books.organization_id, 1, "stale", reason=reason, until=until, by="ann@example.com", now=now
    )  # fmt: skip


def test_a_snoozed_flag_is_quiet_until_its_day_and_can_be_woken(books: Books) -> None:
    judged(books, TODAY, (1, "stale"), (1, "pushed"), (2, "stale"))
    snoozed(books)
    assert listed(books, books.viewer(), rules=("stale",)) == [2]
    assert listed(books, books.viewer(), are_snoozed=True) == [1]
    reader = Reader(books.database, books.viewer())
    after = Asked(run_day=TODAY, snoozed_on=TODAY + days(8), rules=("stale",))
    assert health_rows.flagged(reader, AS_NOW, after).rows["deal_id"].tolist() == [1, 2]
    assert health_flags.wake(books.database, books.organization_id, 1, "stale", by="bo@example.com", now=NOW)
    assert not health_flags.wake(books.database, books.organization_id, 1, "stale", by="bo@example.com", now=NOW)
    assert listed(books, books.viewer(), rules=("stale",)) == [1, 2]
    (said,) = health_flags.snoozes_of(books.database, books.organization_id, 1)
    assert (said.reason, said.snoozed_by, said.ended_by) == ("they are on leave", "ann@example.com", "bo@example.com")
    assert books.ask("SELECT action, subject_id FROM audit_entries WHERE subject = 'flag' ORDER BY entry_id") == [
        ("snoozed", "1 stale"), ("woken", "1 stale"),
    ]  # fmt: skip


def test_another_snooze_takes_the_place_of_the_one_that_holds(books: Books) -> None:
    snoozed(books)
    snoozed(books, until=TODAY + days(30), now=NOW + timedelta(hours=1), reason="still")
    first, last = reversed(health_flags.snoozes_of(books.database, books.organization_id, 1))
    assert (first.ended_by, last.ended_by) == ("ann@example.com", None)


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_a_snooze_needs_a_reason_of_some_length(books: Books, reason: str) -> None:
    with pytest.raises(ValueError, match="reason"):
        snoozed(books, reason=reason)
