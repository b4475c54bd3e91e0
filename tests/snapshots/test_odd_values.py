"""One odd value ends no sync and no page: it is shown as not given, or as much of it as can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_crm import activity, lead
from stored_crm import FIRST, Stored, day, noon, until

from adapters.records import (
    Activity,
    ActivityKind,
    Contact,
    Deal,
    DealChange,
    DealField,
    DealStatus,
    Deletion,
    Kind,
    Lead,
    Owner,
    Record,
)
from snapshots.database import Database
from snapshots.fingerprints import said
from snapshots.organizations import change_settings, create_organization
from snapshots.rows import DealSet, activity_rows, deal_rows, deal_summary, lead_rows
from snapshots.slices import Slice
from snapshots.storable import LARGEST_AMOUNT_MINOR, LONGEST_KEY, mended, storable

NO_DATES = [datetime(year, 12, 31, 23, 59, tzinfo=UTC) for year in (1, 1600, 2999, 9999)]
LONG = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(6_000))
"""Of which no index takes an entry, however well it is packed."""
ZONES = ["America/Los_Angeles", "Pacific/Kiritimati"]


@pytest.fixture(params=ZONES)
def stored(database: Database, request: pytest.FixtureRequest) -> Stored:
    made = create_organization(database, "Odd", time_zone=request.param, default_currency="EUR")
    return Stored(database, made.organization_id)


def _deal(**values: object) -> Deal:
    usual: dict[str, object] = {
        "external_id": "x", "name": "Deal x", "pipeline_id": "p", "stage_id": "s1", "owner_id": "o1",
        "amount_minor": 500, "currency": "EUR", "created_at": noon(0),
    }  # fmt: skip
    return Deal(**(usual | values))  # type: ignore[arg-type]


def _look_at_everything(stored: Stored) -> None:
    """What the pages ask for, over all days and over some."""
    reader = stored.reader()
    for shown in (until(9), Slice(first_day=FIRST, last_day=day(9), as_of=day(9))):
        for read in (reader.deal_events, reader.activity_counts, reader.lead_counts, reader.cycles, reader.open_stages):
            read(shown)
        reader.stage_ages(shown), reader.activity_weeks(shown), reader.won_weeks(shown)
        reader.pipeline_trend(shown, [day(1), day(9)])
        for which in DealSet:
            assert len(deal_rows(reader, shown, which).rows) == deal_summary(reader, shown, which).n
        lead_rows(reader, shown), activity_rows(reader, shown)
    reader.filter_options(day(9))


def _say(stored: Stored, *records: Record) -> None:
    for record in records:
        if isinstance(record, Deal):
            stored.crm.say(record)
        else:
            stored.crm.add(record)


def _keep(stored: Stored, *records: Record) -> None:
    """Synchronised, again from the start, after a change, and after a move to another zone."""
    _say(stored, *records)
    stored.sync(5)
    again = stored.sync(6, from_start=True)
    assert all(tally.unchanged == tally.fetched for tally in again.counts.values())
    _look_at_everything(stored)
    change_settings(
        stored.database, stored.organization_id, time_zone="Asia/Tokyo", default_currency="EUR", reporting_currency=None
    )
    _look_at_everything(stored)


def test_a_date_that_stands_for_none_is_not_given(stored: Stored) -> None:
    for n, no_date in enumerate(NO_DATES):
        _say(
            stored,
            _deal(external_id=f"created {n}", created_at=no_date),
            _deal(external_id=f"closed {n}", status=DealStatus.WON, closed_at=no_date, modified_at=no_date),
            _deal(external_id=f"close on {n}", close_on=no_date.date()),
            replace(activity(f"act {n}", noon(0)), occurred_at=no_date),
            replace(lead(f"lead {n}", noon(0)), created_at=no_date, converted_at=no_date),
            Owner(external_id=f"o{n}", name="Since ever", since=no_date),
        )
    _keep(stored)
    reader, every = stored.reader(), len(NO_DATES)
    found = [deal_summary(reader, until(9), which).n for which in (DealSet.UNDATED, DealSet.OPEN, DealSet.WON)]
    assert found == [every, 2 * every, every]
    assert deal_rows(reader, until(9), DealSet.OPEN).rows["close_on"].isna().all()
    assert deal_rows(reader, until(9), DealSet.WON).rows["closed_day"].isna().all()
    assert activity_rows(reader, until(9)).rows["day"].isna().tolist() == [True] * every
    assert lead_rows(reader, until(9)).rows["created_day"].isna().tolist() == [True] * every
    assert (stored.activities(until(9)), stored.leads(until(9))) == (every, every)


def test_a_past_value_without_a_date_is_not_known(stored: Stored) -> None:
    for n, no_date in enumerate(NO_DATES):
        history = (
            DealChange(DealField.STAGE, no_date, "s1"),
            DealChange(DealField.STAGE, noon(2), "s2"),
            DealChange(DealField.CLOSE_DATE, noon(3), no_date.date()),
        )
        _say(stored, _deal(external_id=f"x{n}", stage_id="s2", history=history))
    _keep(stored)
    stages = [deal_rows(stored.reader(), until(n), DealSet.OPEN).rows["stage"].tolist() for n in (1, 2)]
    assert stages == [[None] * len(NO_DATES), ["S2"] * len(NO_DATES)]


def test_a_deletion_without_a_real_date_counts_from_the_moment_we_learn_of_it(stored: Stored) -> None:
    _keep(stored, *(_deal(external_id=f"x{n}") for n in range(len(NO_DATES))))
    for n, no_date in enumerate(NO_DATES):
        stored.crm.remove(f"x{n}", no_date)
    stored.sync(8)
    assert [stored.n_open(until(n)) for n in (7, 8)] == [len(NO_DATES), 0]


def test_an_amount_that_no_deal_can_have_is_not_given(stored: Stored) -> None:
    typed = (DealChange(DealField.AMOUNT, noon(0), 10**30), DealChange(DealField.AMOUNT, noon(2), 700))
    _keep(
        stored,
        *(_deal(external_id=f"x{n}", amount_minor=-(10 ** (17 + n))) for n in range(6)),
        _deal(external_id="corrected", amount_minor=700, history=typed),
        Activity(external_id="a", kind=ActivityKind.CALL, occurred_at=noon(0), duration_s=2**40),
    )
    assert deal_summary(stored.reader(), until(9), DealSet.UNVALUED).n == 6
    assert deal_summary(stored.reader(), until(1), DealSet.UNVALUED).n == 7
    assert dict(deal_summary(stored.reader(), until(9), DealSet.OPEN).amount_minor) == {"EUR": 700}
    assert stored.ask("SELECT duration_s FROM activities") == [(None,)]


def test_texts_too_long_for_an_index_are_cut_and_ids_stay_different(stored: Stored) -> None:
    one, other = LONG + "1", LONG + "2"
    _keep(
        stored,
        Owner(external_id=one, name="Long", email=LONG),
        Contact(external_id="c", email=LONG),
        Lead(external_id=one, source=LONG, email=LONG, owner_id=one, created_at=noon(0)),
        Lead(external_id=other, created_at=noon(0)),
        _deal(external_id=one, owner_id=one, source=LONG, history=(DealChange(DealField.OWNER, noon(0), one),)),
        _deal(external_id=other, status=DealStatus.WON, closed_at=noon(1), source=LONG),
    )
    assert (stored.n_open(until(9)), stored.leads(until(9))) == (1, 2)
    assert deal_rows(stored.reader(), until(9), DealSet.OPEN).rows["owner"].tolist() == ["Long"]
    assert {len(name) for name in stored.reader().filter_options(day(9)).sources} == {0, LONGEST_KEY}
    del stored.crm.deals[one]
    stored.crm.log[Kind.DEAL].append(Deletion(kind=Kind.DEAL, external_id=one, at=noon(7)))
    assert stored.sync(8).counts[Kind.DEAL].deleted == 1
    assert [len(stored.ask("SELECT 1 FROM deals WHERE gone_at IS NULL"))] == [1]


# --- any record ------------------------------------------------------------------------------------------------------

instants = st.datetimes(timezones=st.just(UTC))
texts = st.one_of(st.none(), st.text(st.characters(codec=None), max_size=8), st.just(LONG), st.just("a\x00b \ud83d"))
numbers = st.one_of(st.none(), st.integers(), st.integers(-(10**16), 10**16))


@st.composite
def any_deals(draw: st.DrawFn) -> Deal:
    changes = st.one_of(
        st.builds(DealChange, st.just(DealField.AMOUNT), instants, numbers),
        st.builds(DealChange, st.just(DealField.STAGE), instants, texts),
        st.builds(DealChange, st.just(DealField.CLOSE_DATE), instants, st.one_of(st.none(), st.dates())),
    )
    return Deal(
        external_id=draw(st.text(st.characters(codec=None), min_size=1, max_size=8)),
        name=draw(texts),
        amount_minor=draw(numbers),
        source=draw(texts),
        created_at=draw(st.one_of(st.none(), instants)),
        close_on=draw(st.one_of(st.none(), st.dates())),
        history=tuple(draw(st.lists(changes, max_size=4))),
        contact_ids=tuple(one for one in draw(st.lists(texts, max_size=2)) if one is not None),
        raw=draw(st.one_of(st.none(), st.dictionaries(st.text(), st.one_of(st.integers(), st.text(), instants)))),
    )


@given(any_deals())
def test_what_is_kept_is_kept_whole_or_mended_and_never_mended_again(deal: Deal) -> None:
    (kept,) = said([deal]).latest.values()
    assert storable(kept) == kept
    assert said([kept]).hashes == said([deal]).hashes
    assert kept in (deal, mended(deal))
    assert kept.amount_minor is None or abs(kept.amount_minor) <= LARGEST_AMOUNT_MINOR
    for at in _dates(kept):
        assert 1700 <= at.year < 2200
    for text in _strings(kept):
        assert "\x00" not in text
        text.encode()


def _dates(deal: Deal) -> Iterator[date]:
    yield from (at for at in (deal.created_at, deal.close_on, *(one.at for one in deal.history)) if at is not None)
    yield from (one.value for one in deal.history if isinstance(one.value, date))


def _strings(deal: Deal) -> Iterator[str]:
    yield from (one for one in (deal.external_id, deal.name, deal.source, *deal.contact_ids) if one is not None)
    yield from (one.value for one in deal.history if isinstance(one.value, str))
    yield from (key for key in deal.raw or {})


@pytest.mark.parametrize("odd", [lambda: _deal(name="a\x00"), lambda: _deal(created_at=NO_DATES[0])])
def test_the_same_oddity_has_the_same_fingerprint_and_another_value_has_another(odd: Callable[[], Deal]) -> None:
    assert said([odd()]).hashes == said([odd()]).hashes
    assert said([replace(odd(), amount_minor=501)]).hashes != said([odd()]).hashes
