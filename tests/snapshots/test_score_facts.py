"""Facts that scores are learned from: complete, by pages, of one organization, and nothing from the future."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest
from made_crm import CLOSED, lead
from stored_crm import Stored, day, noon

from adapters.records import Activity, ActivityKind, Company, Deletion, Kind
from snapshots import score_facts
from snapshots.database import Database

FIRST = replace(lead("l", noon(0)), email="l@x.example", status="new", fields={"size": 3})


@pytest.fixture
def stored(database: Database, organization: int) -> Stored:
    return Stored(database, organization)


def _call(key: str, at: datetime | None, **values: object) -> Activity:
    return Activity(external_id=key, kind=ActivityKind.CALL, owner_id="o1", occurred_at=at, **values)  # type: ignore[arg-type]


def _filled(stored: Stored) -> Stored:
    """Days 0 to 9: leads that change and convert, deals that move and close, activities on both, some to come."""
    stored.crm.add(Company(external_id="c", name="Acme", employees=7))
    stored.crm.add(FIRST, replace(lead("late", noon(8)), fields={}), replace(lead("m", noon(1)), converted=False))
    stored.crm.create("won", noon(0))
    stored.crm.create("open", noon(2))
    stored.crm.add(_call("a", noon(1), lead_id="l"), _call("b", noon(9), lead_id="l"), _call("c", None, lead_id="l"))
    stored.crm.add(_call("d", noon(1), deal_id="won"), _call("e", noon(30), deal_id="open"))
    stored.sync(2)
    stored.crm.add(replace(FIRST, source="Fair", converted=True, converted_at=noon(3), deal_id="won"))
    stored.crm.move("won", noon(4), "s2")
    stored.sync(5)
    stored.crm.move("won", noon(7), "won")
    stored.crm.change("open", noon(8), amount_minor=5)
    stored.crm.add(replace(lead("m", noon(1)), converted=True, converted_at=noon(9), source="Mail"))
    stored.sync(10)
    return stored


def _all(stored: Stored, until: datetime | None) -> dict[str, pd.DataFrame]:
    """Every kind of facts, of all leads and deals that there ever were."""
    where = (stored.database, stored.organization_id)
    leads = [row[0] for row in stored.ask("SELECT lead_id FROM leads")]
    deals = [row[0] for row in stored.ask("SELECT deal_id FROM deals")]
    by_ids: dict[str, tuple[Callable[..., pd.DataFrame], list[int]]] = {
        "lead_versions": (score_facts.lead_versions, leads),
        "lead_touches": (score_facts.lead_touches, leads),
        "deal_states": (score_facts.deal_states, deals),
        "deal_touches": (score_facts.deal_touches, deals),
    }
    of_all = (
        score_facts.lead_facts, score_facts.lead_loads, score_facts.lead_spans, score_facts.deal_facts,
        score_facts.deal_records, score_facts.deal_spans,
    )  # fmt: skip
    return {name: read(*where, ids, until=until) for name, (read, ids) in by_ids.items()} | {
        read.__name__: read(*where, until=until) for read in of_all
    }


COLUMNS = {
    "lead_facts": score_facts.LEAD_FACTS, "lead_versions": score_facts.LEAD_VERSIONS,
    "lead_touches": score_facts.LEAD_TOUCHES, "lead_loads": score_facts.LEAD_LOADS,
    "deal_facts": score_facts.DEAL_FACTS, "deal_states": score_facts.DEAL_STATES,
    "deal_touches": score_facts.DEAL_TOUCHES, "deal_records": score_facts.DEAL_RECORDS,
    "lead_spans": score_facts.LEAD_SPANS, "deal_spans": score_facts.DEAL_SPANS,
}  # fmt: skip


def test_frames_have_their_dtypes_with_rows_and_without(stored: Stored) -> None:
    before = _all(stored, None)
    assert all(len(frame) == 0 for frame in before.values())
    after = _all(_filled(stored), None)
    assert all(len(frame) > 0 for frame in after.values())
    for frames in (before, after, _all(stored, noon(4))):
        assert {name: {key: str(kind) for key, kind in frame.dtypes.items()} for name, frame in frames.items()} == (
            COLUMNS
        )
    found = score_facts.companies(stored.database, stored.organization_id)
    assert {key: str(kind) for key, kind in found.dtypes.items()} == score_facts.COMPANIES
    assert found[["name", "employees"]].to_dict("records") == [{"name": "Acme", "employees": 7}]


def test_nothing_that_happened_later_is_returned(stored: Stored) -> None:
    """Every instant, in every frame, at every moment of the history."""
    _filled(stored)
    for n in range(12):
        for name, frame in _all(stored, noon(n)).items():
            later = {
                column for column in frame.select_dtypes("datetimetz") if (frame[column] > pd.Timestamp(noon(n))).any()
            }
            assert (n, name, later) == (n, name, set())


def test_erasing_the_future_changes_nothing_of_the_past(stored: Stored) -> None:
    """What was read on a day, and what is read of that day later, is the same: from the first sync on."""
    stored.crm.add(FIRST, replace(lead("m", noon(1)), converted=False))
    stored.crm.create("won", noon(0))
    stored.crm.add(_call("a", noon(1), lead_id="l"), _call("d", noon(1), deal_id="won"))
    stored.sync(2)
    then = _all(stored, noon(2))
    _filled(stored)
    stored.crm.log[Kind.LEAD].append(Deletion(kind=Kind.LEAD, external_id="l", at=noon(11)))
    stored.crm.remove("won", noon(11))
    stored.sync(12)
    now = _all(stored, noon(2))
    is_same = {
        name: then[name].equals(now[name].loc[_of(then[name], now[name])].reset_index(drop=True)) for name in then
    }
    # When the facts of a first sight were written down is not kept.
    then["lead_facts"]["recorded_at"] = now["lead_facts"]["recorded_at"] = pd.NaT
    is_same["lead_facts"] = then["lead_facts"].equals(now["lead_facts"])
    assert is_same == dict.fromkeys(then, True)


def _of(then: pd.DataFrame, now: pd.DataFrame) -> pd.Series:
    """Rows of deals and leads that were known then."""
    key = next((name for name in ("lead_id", "deal_id") if name in then), None)
    if key is None:
        began = "created_at" if "created_at" in now else "began_at"
        return pd.Series(True, index=now.index) & (now[began] <= pd.Timestamp(noon(1)))
    return now[key].isin(then[key])


def test_pages_follow_one_another_without_a_gap_or_a_repetition(stored: Stored) -> None:
    stored.crm.add(*(lead(f"l{n}", noon(0)) for n in range(7)))
    for n in range(7):
        stored.crm.create(f"d{n}", noon(0))
    stored.sync(1)
    for read, key in ((score_facts.lead_facts, "lead_id"), (score_facts.deal_facts, "deal_id")):
        seen: list[int] = []
        while len(page := read(stored.database, stored.organization_id, after=seen[-1] if seen else 0, limit=3)):
            seen += page[key].tolist()
        assert seen == sorted(set(seen))
        assert len(seen) == 7
        some = read(stored.database, stored.organization_id, ids=[seen[2], seen[5]])
        assert some[key].tolist() == [seen[2], seen[5]]


def test_the_narrow_frames_come_whole_however_many_pages_they_are(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored.crm.add(*(lead(f"l{n}", noon(n)) for n in range(5)))
    stored.sync(6)
    spans = score_facts.lead_spans(stored.database, stored.organization_id)
    monkeypatch.setattr(score_facts, "PAGE", 2)
    assert score_facts.lead_spans(stored.database, stored.organization_id).equals(spans)
    created = score_facts.lead_loads(stored.database, stored.organization_id)["created_at"]
    assert created.tolist() == [pd.Timestamp(noon(n)) for n in range(5)]


def test_a_lead_is_what_it_was_then(stored: Stored) -> None:
    _filled(stored)
    ours = stored.id_of(Kind.LEAD, "l")

    def lead_at(until: datetime | None) -> tuple[object, ...]:
        found = score_facts.lead_facts(stored.database, stored.organization_id, ids=[ours], until=until).iloc[0]
        return found["source"], found["converted"], found["fields"]["size"]

    assert [lead_at(at) for at in (noon(2), noon(4), noon(5), None)] == [
        ("Web", pd.NA, 3), ("Web", pd.NA, 3), ("Fair", True, 3), ("Fair", True, 3)
    ]  # fmt: skip


def test_whether_a_lead_had_converted_is_unknown_where_it_was_first_read_afterwards_without_a_date(
    stored: Stored,
) -> None:
    stored.crm.add(lead("a", noon(0), converted=True), lead("b", noon(0), converted=False))
    stored.crm.add(replace(lead("c", noon(0), converted=True), converted_at=noon(4)))
    stored.sync(9)
    then = score_facts.lead_facts(stored.database, stored.organization_id, until=noon(2))
    assert then["converted"].tolist() == [pd.NA, False, False]
    later = score_facts.lead_facts(stored.database, stored.organization_id, until=noon(9))
    assert later["converted"].tolist() == [True, False, True]


def test_a_deal_is_what_it_was_then(stored: Stored) -> None:
    _filled(stored)
    ours = [stored.id_of(Kind.DEAL, "won")]
    where = (stored.database, stored.organization_id)
    statuses = [
        score_facts.deal_facts(*where, ids=ours, until=at)["status"].tolist() for at in (noon(6), noon(7), None)
    ]
    assert statuses == [["open"], ["won"], ["won"]]
    states = score_facts.deal_states(*where, ours)
    assert states["stage"].tolist() == ["S1", "S2", "Won"]
    assert states["valid_from"].tolist() == [pd.Timestamp(noon(n)) for n in (0, 4, 7)]
    assert states["valid_to"].tolist()[:2] == [pd.Timestamp(noon(n)) for n in (4, 7)]
    assert states["valid_to"].isna().tolist() == [False, False, True]
    assert score_facts.deal_states(*where, ours, until=noon(5))["valid_to"].isna().tolist() == [False, True]


def test_what_never_held_is_no_state(stored: Stored) -> None:
    stored.crm.create("a", noon(0))
    stored.sync(1)
    stored.crm.change("a", noon(0), amount_minor=5)
    stored.sync(2)
    ours = stored.id_of(Kind.DEAL, "a")
    states = score_facts.deal_states(stored.database, stored.organization_id, [ours])
    assert (states["valid_to"] > states["valid_from"]).tolist()[:-1] == [True] * (len(states) - 1)


def test_deals_that_were_closed_or_deleted_are_facts_too(stored: Stored) -> None:
    for n, stage in enumerate(CLOSED):
        stored.crm.create(f"d{n}", noon(0))
        stored.crm.move(f"d{n}", noon(1), stage)
    stored.crm.create("gone", noon(0))
    stored.sync(2)
    stored.crm.remove("gone", noon(3))
    stored.sync(4)
    facts = score_facts.deal_facts(stored.database, stored.organization_id)
    assert sorted(facts["status"]) == ["deleted", "lost", "won"]


def test_activities_that_are_gone_or_have_no_date_are_no_touches(stored: Stored) -> None:
    _filled(stored)
    ours = [stored.id_of(Kind.LEAD, "l")]
    where = (stored.database, stored.organization_id)
    assert score_facts.lead_touches(*where, ours)["occurred_at"].tolist() == [pd.Timestamp(noon(n)) for n in (1, 9)]
    stored.crm.log[Kind.ACTIVITY].append(Deletion(kind=Kind.ACTIVITY, external_id="a", at=noon(10)))
    stored.sync(11)
    assert score_facts.lead_touches(*where, ours)["occurred_at"].tolist() == [pd.Timestamp(noon(9))]


def test_gone_leads_are_left_out_but_for_the_time_when_they_were_there(stored: Stored) -> None:
    stored.crm.add(FIRST, lead("m", noon(0)))
    stored.sync(1)
    stored.crm.log[Kind.LEAD].append(Deletion(kind=Kind.LEAD, external_id="l", at=noon(3)))
    stored.sync(4)
    where = (stored.database, stored.organization_id)
    counts = [len(score_facts.lead_facts(*where, until=at)) for at in (noon(3), noon(4), None)]
    assert counts == [2, 1, 1]


def test_instants_keep_their_microseconds(stored: Stored) -> None:
    odd = [datetime(2026, 1, 5, 12, 0, 0, 123_457, tzinfo=UTC), datetime(2099, 2, 2, 2, 2, 2, 999_999, tzinfo=UTC)]
    stored.crm.add(*(lead(f"l{n}", at) for n, at in enumerate(odd)), lead("undated", None))
    stored.sync(1)
    found = score_facts.lead_facts(stored.database, stored.organization_id)["created_at"]
    assert found.dropna().tolist() == [pd.Timestamp(at) for at in odd]
    assert found.isna().sum() == 1


def test_close_dates_are_days(stored: Stored) -> None:
    stored.crm.create("a", noon(0))
    stored.crm.change("a", noon(0), close_on=day(40))
    stored.sync(1)
    states = score_facts.deal_states(stored.database, stored.organization_id, [stored.id_of(Kind.DEAL, "a")])
    assert states["close_on"].tolist() == [pd.Timestamp(day(40))]


def test_an_outsider_gets_nothing(stored: Stored, database: Database, other_organization: int) -> None:
    _filled(stored)
    leads = [row[0] for row in stored.ask("SELECT lead_id FROM leads")]
    deals = [row[0] for row in stored.ask("SELECT deal_id FROM deals")]
    for read in (
        score_facts.lead_versions,
        score_facts.lead_touches,
        score_facts.deal_states,
        score_facts.deal_touches,
    ):
        assert len(read(database, other_organization, [*leads, *deals])) == 0
    for read_all in (
        score_facts.lead_facts, score_facts.lead_loads, score_facts.deal_facts, score_facts.deal_records,
        score_facts.companies, score_facts.lead_spans, score_facts.deal_spans,
    ):  # fmt: skip
        assert len(read_all(database, other_organization)) == 0


def test_who_had_a_deal_or_lead_when_is_told_through_hand_overs(stored: Stored) -> None:
    stored.crm.create("handed", noon(0), owner="o1")
    stored.crm.add(replace(lead("l", noon(0)), owner_id="o1"))
    stored.sync(1)
    stored.crm.change("handed", noon(3), owner_id="o2")
    stored.crm.add(replace(lead("l", noon(0)), owner_id="o2"))
    stored.sync(4)
    stored.crm.move("handed", noon(6), "won")
    stored.sync(7)
    first, second = sorted({int(row[0]) for row in stored.ask("SELECT owner_id FROM deal_versions")})
    deals = score_facts.deal_spans(stored.database, stored.organization_id)
    spans = deals[["owner_id", "status", "is_first", "is_entered"]].values.tolist()
    assert spans == [[first, "open", True, True], [second, "open", False, False], [second, "won", False, True]]
    assert deals["ended_at"].tolist()[:2] == [pd.Timestamp(noon(3)), pd.Timestamp(noon(6))]
    leads = score_facts.lead_spans(stored.database, stored.organization_id).sort_values("began_at")
    assert leads[["owner_id", "is_first"]].values.tolist() == [[first, True], [second, False]]
    assert leads["ended_at"].tolist()[0] == leads["began_at"].tolist()[1] == pd.Timestamp(noon(4))
    of_one = score_facts.lead_spans(stored.database, stored.organization_id, owner_ids=[second])
    assert of_one["owner_id"].tolist() == [second]
