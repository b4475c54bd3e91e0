"""The week's notes on the made-up CRM: the evidence of each sentence comes to what it says, for whom may see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median_low
from typing import Any

import pytest
from databases import CopyOf
from examples import examples
from made_installation import House, demo_house_of
from sqlalchemy import text

from insights.coaching import templates, verifier
from insights.coaching.facts import Baseline, Fact, Pack
from ops import coaching_week, health
from snapshots import coaching_facts, notes
from snapshots.leave import NewAbsence, add_absences
from snapshots.notes import NoteKey
from snapshots.reads import Reader
from snapshots.slices import Role, Viewer

WEEK, NOTED = date(2024, 6, 17), date(2024, 6, 24)
EARLIER = date(2024, 3, 4)


@pytest.fixture(scope="module")
def house(copy_of: CopyOf) -> Iterator[House]:
    with demo_house_of(copy_of) as made:
        health.judge(made.services, made.organization_id, date(2024, 6, 23))
        yield made


@pytest.fixture(scope="module")
def reader(house: House) -> Reader:
    return Reader(house.database, Viewer(house.organization_id, Role.ANALYST))


@pytest.fixture(scope="module")
def packs(house: House) -> dict[int, Pack]:
    return coaching_week.packs_of_week(house.services, house.organization_id, WEEK, noted_on=NOTED)


def facts_of(packs: dict[int, Pack]) -> list[Fact]:
    return [fact for pack in packs.values() for fact in pack.facts]


EVERY_WEEK = [WEEK - timedelta(weeks=back) for back in range(2, 45)] if examples(2, full=45) > 2 else []


@pytest.mark.parametrize("week", [WEEK, EARLIER, *EVERY_WEEK])
def test_the_rows_of_every_fact_come_to_its_value(reader: Reader, week: date) -> None:
    told = coaching_week.found_in_week(reader, week, noted_on=week + (NOTED - WEEK))
    facts = [one.fact for chosen in told.values() for one in chosen]
    wrong = [fact.phrase for fact in facts if not coaching_week.check(reader, fact).agrees]
    assert len(facts) > (20 if week in (WEEK, EARLIER) else 0)
    assert wrong == []


def test_every_sentence_of_every_note_opens_rows_that_come_to_what_it_says(
    reader: Reader, packs: dict[int, Pack]
) -> None:
    assert len(packs) >= 6
    for pack in packs.values():
        note = templates.write(pack, 11)
        assert verifier.verify(pack, note=note).is_accepted, note.text
        for sentence in note.sentences:
            cited = [pack.fact(one) for one in sentence.fact_ids]
            assert cited
            assert all(fact is not None and fact.evidence is not None for fact in cited)


def test_the_demo_has_facts_of_most_kinds(packs: dict[int, Pack]) -> None:
    queries = {fact.evidence.query for fact in facts_of(packs) if fact.evidence}
    assert {"activities", "closed_deals", "flagged", "last_activity", "due", "pipeline"} <= queries


@pytest.mark.parametrize("query", ["activities", "closed_deals", "last_activity", "flagged", "pipeline", "due"])
def test_a_fact_that_says_anything_else_than_its_rows_is_found_out(
    reader: Reader, packs: dict[int, Pack], query: str
) -> None:
    fact = next(one for one in facts_of(packs) if one.evidence and one.evidence.query == query)
    assert coaching_week.check(reader, fact).agrees
    bent = [replace(fact, value=fact.value + 1)] if fact.value is not None else []
    if fact.baseline:
        bent.append(replace(fact, baseline=Baseline(fact.baseline.value + 1, n=fact.baseline.n)))
    if fact.dates:
        bent.append(replace(fact, dates=("1 January",)))
    if fact.currency or "EUR" in fact.phrase:
        bent.append(replace(fact, phrase=fact.phrase.replace("0 EUR", "5 EUR")))
    assert bent
    assert not any(coaching_week.check(reader, one).agrees for one in bent)


def test_nobody_opens_the_evidence_of_another_salesperson(house: House, packs: dict[int, Pack]) -> None:
    owner, other = list(packs)[:2]
    own, strange = (Reader(house.database, Viewer(house.organization_id, Role.REP, one)) for one in (owner, other))
    # What says nothing of a person's work may be read by all: the day that counts, and when sources were read.
    facts = [one for one in packs[owner].facts if one.evidence and one.evidence.query not in {"snapshot", "last_sync"}]
    assert facts
    for fact in facts:
        assert fact.evidence is not None
        assert coaching_week.check(own, fact).agrees, fact.phrase
        rows = coaching_week.check(strange, fact).rows
        assert rows[rows["deal_id"].notna()].empty, fact.phrase
        assert rows["number"].fillna(0).eq(0).all()


def test_another_organization_sees_none_of_the_rows(house: House, packs: dict[int, Pack]) -> None:
    from snapshots.organizations import create_organization

    outsider = create_organization(house.database, "Outsider", time_zone="UTC", default_currency="EUR")
    reader = Reader(house.database, Viewer(outsider.organization_id, Role.ADMIN))
    for fact in facts_of(packs):
        if fact.evidence and fact.evidence.query != "snapshot":
            rows = coaching_week.check(reader, fact).rows
            assert rows[rows["part"] == "value"].empty, fact.phrase


def test_names_of_the_team_are_kept_out_and_no_id_of_ours_is_in_the_pack(
    reader: Reader, packs: dict[int, Pack]
) -> None:
    names = dict(zip(*(reader.owners(NOTED)[one] for one in ("owner_id", "name")), strict=True))
    for owner_id, pack in packs.items():
        assert names[owner_id] not in pack.other_names
        assert all(one.id.startswith("D") for one in pack.entities)
    assert any(pack.other_names for pack in packs.values())


def test_what_happened_between_the_week_and_the_note_does_not_show_that_people_plan_ahead(reader: Reader) -> None:
    assert coaching_week.read_week(reader, WEEK, noted_on=NOTED)[1].tells_plans
    after_all_there_is = date(2026, 12, 1)
    assert not coaching_week.read_week(reader, WEEK, noted_on=after_all_there_is)[1].tells_plans


def test_the_notes_of_a_week_are_written_once(house: House, packs: dict[int, Pack]) -> None:
    key = house.organization_id
    done = coaching_week.write_weekly(house.services, key, NOTED)
    assert (done, done.n_rows) == (f"{len(packs)} notes of the week of 2024-06-17", len(packs))
    assert "are written" in coaching_week.write_weekly(house.services, key, date(2024, 6, 26))
    for owner_id, pack in packs.items():
        note = notes.newest(house.database, key, NoteKey(owner_id, WEEK))
        assert note is not None
        assert note.version == 1
        assert len(note.facts["facts"]) == len(pack.facts)


def test_a_week_with_nothing_to_tell_is_looked_at_again(house: House) -> None:
    from snapshots.organizations import create_organization

    empty = create_organization(house.database, "Empty", time_zone="UTC", default_currency="EUR").organization_id
    for day in (NOTED, date(2024, 6, 26)):
        assert coaching_week.write_weekly(house.services, empty, day) == "0 notes of the week of 2024-06-17"


def test_of_data_that_ended_long_ago_the_last_whole_week_is_told_and_called_old(house: House, reader: Reader) -> None:
    last = reader.filter_options(date(2026, 3, 25)).last_day
    assert last is not None
    week = coaching_week.last_week(reader, date(2026, 3, 25))
    assert (week.weekday(), (last - week).days // 7) in {(0, 0), (0, 1)}
    told = coaching_week.packs_of_week(house.services, house.organization_id, WEEK, noted_on=date(2026, 3, 25))
    assert told
    assert all(any(one.metric == "snapshot" for one in pack.facts) for pack in told.values())


def test_leave_on_a_working_day_of_the_week_counts_and_no_other(house: House, reader: Reader) -> None:
    people = [int(one) for one in reader.owners(NOTED)["owner_id"][:3]]
    days = ((date(2024, 6, 21), date(2024, 6, 23)), (date(2024, 6, 22), date(2024, 6, 30)), (date(2024, 6, 3), WEEK))
    absences = [
        NewAbsence(owner_id=who, first_day=first, last_day=last)
        for who, (first, last) in zip(people, days, strict=True)
    ]
    add_absences(house.database, house.organization_id, absences, by="ann", now=house.services.now())
    _, week = coaching_week.read_week(reader, WEEK, noted_on=NOTED)
    assert week.away == {people[0], people[2]}


def test_meetings_that_were_cancelled_missed_or_only_planned_were_not_held(house: House, reader: Reader) -> None:
    frames, _ = coaching_week.read_week(reader, WEEK, noted_on=NOTED)
    weeks = frames.activity_weeks
    meetings = rows(house, "SELECT lower(outcome), count(*) FROM activities WHERE kind IN ('meeting', 'appointment') "
                    "AND gone_at IS NULL AND owner_id IS NOT NULL AND day BETWEEN '2024-04-22' AND '2024-06-23' "
                    "GROUP BY 1")  # fmt: skip
    by_outcome = dict(meetings)
    assert {"cancelled", "no_show", "completed"} <= set(by_outcome)
    held = sum(n for outcome, n in by_outcome.items() if outcome not in {"cancelled", "no_show", "scheduled"})
    assert int(weeks.loc[weeks["what"].isin(["meeting", "appointment"]), "n"].sum()) == held


def test_a_close_date_that_was_put_off_is_counted_each_time_and_one_that_was_pulled_in_never(
    house: House, reader: Reader
) -> None:
    deals = coaching_week.read_week(reader, WEEK, noted_on=NOTED)[0].open_deals.set_index("deal_id")
    moves: Counter[int] = Counter()
    before: dict[int, date] = {}
    n_pulled_in = 0
    for deal_id, close_on in rows(house, "SELECT deal_id, close_on FROM deal_versions WHERE valid_to > valid_from "
                                  "AND valid_from < '2024-06-24 00:00+02' ORDER BY deal_id, valid_from"):  # fmt: skip
        moves[deal_id] += bool(deal_id in before and close_on > before[deal_id])
        n_pulled_in += bool(deal_id in before and close_on < before[deal_id])
        before[deal_id] = close_on
    assert n_pulled_in
    assert deals["n_moved_out"].to_dict() == {deal_id: moves[deal_id] for deal_id in deals.index}
    assert deals["n_moved_out"].max() >= 2
    often = deals[(deals["n_moved_out"] >= 2) & deals["amount_minor"].notna()]
    assert len(often)
    for deal_id, deal in often.iterrows():
        asked, day = {"deal": str(deal_id)}, WEEK + timedelta(days=6)
        told = coaching_facts.told("moved_out", coaching_facts.rows_of(reader, "moved_out", asked, day), asked, day)
        assert (told.value, told.amounts) == (deal["n_moved_out"], {deal["currency"]: deal["amount_minor"]})


def test_a_stage_usually_takes_what_the_own_won_deals_took(house: House, reader: Reader) -> None:
    stays = coaching_week.read_week(reader, WEEK, noted_on=NOTED)[0].stays
    one = stays.sort_values("n").iloc[-1]
    events = rows(
        house, "SELECT e.deal_id, (e.entered_at AT TIME ZONE 'Europe/Berlin')::date, e.stage_id FROM stage_events e "
        "JOIN deal_versions v ON v.deal_id = e.deal_id AND v.status = 'won' AND v.valid_from < '2024-06-24 00:00+02' "
        f"AND v.valid_to >= '2024-06-24 00:00+02' AND v.owner_id = {int(one['owner_id'])} "
        "WHERE e.entered_at < '2024-06-24 00:00+02' ORDER BY e.deal_id, e.entered_at, e.stage_id",
    )  # fmt: skip
    days = [
        (after[1] - now[1]).days
        for now, after in pairwise(events)
        if now[0] == after[0] and now[2] == int(one["stage_id"])
    ]
    assert len(days) == one["n"] >= 5
    assert median_low(days) == one["median_days"]


def rows(house: House, query: str) -> list[Any]:
    with house.database.as_app(house.organization_id) as connection:
        return list(connection.execute(text(query)))


def test_an_unknown_query_is_named(reader: Reader) -> None:
    with pytest.raises(coaching_facts.UnknownQuery, match="horoscope"):
        coaching_facts.rows_of(reader, "horoscope", {}, NOTED)
    assert coaching_facts.Told(value=Decimal(1)).n is None
