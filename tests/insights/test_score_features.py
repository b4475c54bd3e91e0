"""What a score may know: nothing from after the instant that it is asked about.

The rule is tried by erasing the future: with everything gone that happened later, features are the same to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insights.scoring.deal_features import DealFacts, deal_features
from insights.scoring.known import DAY, NEVER, Companies, load_at, mail_kind, working_days
from insights.scoring.landmarks import LEAD_AGES, horizon_days, landmarks
from insights.scoring.lead_features import LeadFacts, lead_features

ZONE = ZoneInfo("Europe/Berlin")
START = pd.Timestamp("2024-01-01T08:00", tz="UTC")
DAYS = 60


def instant(days: float) -> pd.Timestamp:
    return START + pd.Timedelta(days=float(days))


def dated(values: list[pd.Timestamp | None]) -> pd.Series:
    return pd.Series(pd.to_datetime(values, utc=True)).astype("datetime64[ns, UTC]")


@dataclass(frozen=True, slots=True)
class LeadWorld:
    """facts, and the companies as a frame."""

    facts: LeadFacts
    companies: pd.DataFrame


def lead_world(seed: int, n: int = 25) -> LeadWorld:
    chance = np.random.default_rng(seed)
    created = np.sort(chance.uniform(0, DAYS, n))
    converted = np.where(chance.random(n) < 0.4, created + chance.uniform(0.5, 20, n), np.nan)
    leads = pd.DataFrame({
        "lead_id": np.arange(n), "created_at": dated([instant(one) for one in created]),
        "source": chance.choice(["Web", "Fair", None], n), "campaign": chance.choice(["Spring", None], n),
        "owner_id": pd.array(chance.choice([1, 2, 3], n), dtype="Int64"),
        "email": [f"p{k}@{chance.choice(['acme.example', 'gmail.com', 'blue.example'])}" for k in range(n)],
        "phone": chance.choice(["+49 30 1", None], n), "company_name": chance.choice(["Acme", "Blue", None], n),
        "converted": pd.array(~np.isnan(converted), dtype="boolean"),
        "converted_at": dated([None if np.isnan(one) else instant(one) for one in converted]),
        "fields": [{"pages": int(chance.integers(1, 9)), "role": "boss" if one % 3 else "clerk"} for one in range(n)],
    })  # fmt: skip
    m = 12
    changed = chance.integers(0, n, m)
    versions = leads.iloc[changed][["lead_id", "campaign", "email", "phone", "company_name"]].reset_index(drop=True)
    versions = versions.assign(
        superseded_at=dated([instant(created[one] + chance.uniform(0.1, 30)) for one in changed]), source="Before",
        owner_id=pd.array(chance.choice([1, 2], m), dtype="Int64"), fields=[{"pages": 0} for _ in range(m)],
    )  # fmt: skip
    t = 80
    who = chance.integers(0, n, t)
    touches = pd.DataFrame({
        "lead_id": who, "occurred_at": dated([instant(created[one] + chance.uniform(0, 25)) for one in who]),
        "kind": chance.choice(["call", "email", "meeting", "note"], t),
        "direction": chance.choice(["in", "out", None], t),
        "owner_id": pd.array(chance.choice([1, 2], t), dtype="Int64"),
    })  # fmt: skip
    companies = pd.DataFrame({
        "company_id": [1, 2], "name": ["Acme", "Blue"], "domain": ["acme.example", "blue.example"],
        "industry": ["Retail", "Steel"], "country": ["DE", "FR"], "employees": pd.array([40, 900], dtype="Int64"),
        "created_at": dated([instant(5), instant(30)]),
    })  # fmt: skip
    return LeadWorld(_facts(leads, versions, touches, companies), companies)


def _facts(leads: pd.DataFrame, versions: pd.DataFrame, touches: pd.DataFrame, companies: pd.DataFrame) -> LeadFacts:
    return LeadFacts(
        leads=leads, versions=versions, touches=touches,
        spans=spans_of(leads, versions),
        companies=Companies(companies), zone=ZONE,
    )  # fmt: skip


def spans_of(leads: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """Who had each lead when: until each change, and since the last one until it converted."""
    rows = []
    for lead in leads.to_dict("records"):
        before = versions[versions["lead_id"] == lead["lead_id"]].sort_values("superseded_at")
        ends = [*before["superseded_at"], lead["converted_at"]]
        owners, began = [*before["owner_id"], lead["owner_id"]], lead["created_at"]
        for number, (owner, changed) in enumerate(zip(owners, ends, strict=True)):
            end = min((one for one in (changed, lead["converted_at"]) if not pd.isna(one)), default=pd.NaT)
            if pd.isna(end) or began < end:
                rows.append((owner, began, end, number == 0))
            began = changed
    made = pd.DataFrame(rows, columns=["owner_id", "began_at", "ended_at", "is_first"])
    return made.assign(
        owner_id=pd.array(made["owner_id"].tolist(), dtype="Int64"), began_at=dated(made["began_at"].tolist()),
        ended_at=dated(made["ended_at"].tolist()),
    )  # fmt: skip


def erased(world: LeadWorld, at: pd.Timestamp) -> LeadFacts:
    """The world as it was at `at`: what came later is not there, and what changed later is as it was."""
    facts = world.facts
    leads = facts.leads[facts.leads["created_at"] <= at].copy()
    later = facts.versions[facts.versions["superseded_at"] > at].sort_values("superseded_at").drop_duplicates("lead_id")
    for version in later.to_dict("records"):
        for name in ("source", "campaign", "owner_id", "email", "phone", "company_name"):
            leads.loc[leads["lead_id"] == version["lead_id"], name] = version[name]
        for place in leads.index[leads["lead_id"] == version["lead_id"]]:
            leads.at[place, "fields"] = version["fields"]
    is_later = leads["converted_at"] > at
    leads.loc[is_later, "converted_at"] = pd.NaT
    leads.loc[is_later, "converted"] = False
    made = _facts(
        leads.reset_index(drop=True), facts.versions[facts.versions["superseded_at"] <= at],
        facts.touches[facts.touches["occurred_at"] <= at], world.companies[world.companies["created_at"] <= at],
    )  # fmt: skip
    return made


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), day=st.floats(1, DAYS))
def test_features_of_leads_are_the_same_when_the_future_is_erased(seed: int, day: float) -> None:
    world, at = lead_world(seed), instant(day)
    there = world.facts.leads[world.facts.leads["created_at"] <= at]["lead_id"]
    asked = pd.DataFrame({"lead_id": there.to_numpy(), "at": np.full(len(there), at.value)})
    if len(asked):
        whole, past = lead_features(world.facts, asked), lead_features(erased(world, at), asked)
        pd.testing.assert_frame_equal(whole, past[whole.columns], check_exact=True, check_dtype=False)


def test_the_erasing_would_notice_a_feature_that_looks_ahead() -> None:
    world, at = lead_world(3), instant(30)
    ahead = replace(world.facts, touches=world.facts.touches.assign(occurred_at=START))
    there = world.facts.leads[world.facts.leads["created_at"] <= at]["lead_id"]
    asked = pd.DataFrame({"lead_id": there.to_numpy(), "at": np.full(len(there), at.value)})
    assert not lead_features(ahead, asked).equals(lead_features(erased(world, at), asked))


def deal_world(seed: int, n: int = 12) -> DealFacts:
    chance = np.random.default_rng(seed)
    created = np.sort(chance.uniform(0, DAYS, n))
    closed = created + chance.uniform(5, 40, n)
    won = chance.random(n) < 0.5
    deals = pd.DataFrame({
        "deal_id": np.arange(n), "created_at": dated([instant(one) for one in created]),
        "closed_at": dated([instant(one) for one in closed]), "status": np.where(won, "won", "lost"),
        "name": "A deal",
    })  # fmt: skip
    rows = []
    for deal in range(n):
        steps = np.sort(chance.uniform(created[deal], closed[deal], 4))
        steps[0] = created[deal]
        for number, step in enumerate(steps):
            rows.append({
                "deal_id": deal, "valid_from": instant(step), "valid_to": instant([*steps, closed[deal]][number + 1]),
                "status": "open", "pipeline": "New", "stage": f"S{number}", "position": int(chance.integers(0, 4)),
                "stage_entered_at": instant(step), "owner_id": int(chance.integers(1, 3)), "company_id": 1,
                "product": "P", "source": "Web", "campaign": None, "amount_minor": int(chance.integers(100, 9999)),
                "currency": "EUR", "close_on": instant(int(chance.integers(5, 90))).tz_localize(None),
            })  # fmt: skip
    states = pd.DataFrame(rows).astype({"position": "Int64", "owner_id": "Int64", "company_id": "Int64",
                                        "amount_minor": "Int64"})  # fmt: skip
    states = states.assign(
        **{name: dated(states[name].tolist()) for name in ("valid_from", "valid_to", "stage_entered_at")}
    )
    who = chance.integers(0, n, 40)
    touches = pd.DataFrame({
        "deal_id": who, "occurred_at": dated([instant(created[one] + chance.uniform(0, 30)) for one in who]),
        "kind": chance.choice(["call", "email"], 40), "direction": chance.choice(["in", "out"], 40),
        "owner_id": pd.array([1] * 40, dtype="Int64"), "outcome": None,
    })  # fmt: skip
    held = states.rename(columns={"valid_from": "began_at", "valid_to": "ended_at"})
    held = held.assign(is_first=~held.duplicated("deal_id"), is_entered=~held.duplicated("deal_id"))
    last = held.drop_duplicates("deal_id", keep="last")
    decided = last.assign(
        status=deals["status"].to_numpy(),
        began_at=last["ended_at"],
        ended_at=dated([None] * n).to_numpy(),
        is_first=False,
    )
    decided = decided.assign(ended_at=pd.to_datetime(decided["ended_at"], utc=True), is_entered=True)
    spans = pd.concat([held, decided], ignore_index=True)
    spans = spans[["owner_id", "began_at", "ended_at", "is_first", "status", "is_entered"]]
    companies = pd.DataFrame({
        "company_id": [1], "name": ["Acme"], "domain": [None], "industry": ["Retail"], "country": ["DE"],
        "employees": pd.array([40], dtype="Int64"), "created_at": dated([instant(20)]),
    })  # fmt: skip
    return DealFacts(deals=deals, states=states, touches=touches, spans=spans, companies=Companies(companies),
                     zone=ZONE, decimals={"EUR": 2})  # fmt: skip


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), day=st.floats(2, DAYS))
def test_features_of_deals_are_the_same_when_the_future_is_erased(seed: int, day: float) -> None:
    facts, at = deal_world(seed), instant(day)
    there = facts.deals[(facts.deals["created_at"] <= at) & (facts.deals["closed_at"] > at)]["deal_id"]
    if there.empty:
        return
    asked = pd.DataFrame({"deal_id": there.to_numpy(), "at": np.full(len(there), at.value)})
    spans = facts.spans[facts.spans["began_at"] <= at]
    spans = spans.assign(ended_at=spans["ended_at"].where(spans["ended_at"] <= at))
    past = replace(
        facts, states=facts.states[facts.states["valid_from"] <= at], spans=spans,
        touches=facts.touches[facts.touches["occurred_at"] <= at],
        deals=facts.deals[facts.deals["created_at"] <= at],
    )  # fmt: skip
    pd.testing.assert_frame_equal(deal_features(facts, asked), deal_features(past, asked), check_exact=True)


def test_what_was_handed_over_later_was_on_the_desk_of_whoever_had_it_then() -> None:
    spans = pd.DataFrame({
        "owner_id": pd.array([1, 2], dtype="Int64"), "began_at": dated([instant(0), instant(10)]),
        "ended_at": dated([instant(10), None]), "is_first": [True, False],
    })  # fmt: skip
    at = np.array([instant(5).value, instant(12).value] * 2)
    recent, had = load_at(pd.Series([1, 1, 2, 2], dtype="Int64"), at, spans)
    assert had.tolist() == [1, 0, 0, 1]
    assert recent.tolist() == [1, 0, 0, 0], "it came to the first"


def test_a_version_counts_until_the_instant_at_which_it_was_superseded() -> None:
    world = lead_world(1, n=1)
    lead = world.facts.leads.assign(source="Now")
    old = world.facts.versions.head(1).assign(lead_id=0, source="Before", superseded_at=dated([instant(40)]))
    facts = replace(world.facts, leads=lead, versions=old)
    asked = pd.DataFrame({"lead_id": [0, 0, 0], "at": [instant(39).value, instant(40).value, instant(41).value]})
    assert lead_features(facts, asked)["source"].tolist() == ["Before", "Now", "Now"]


def test_a_company_that_came_later_is_not_known_yet() -> None:
    world = lead_world(1, n=1)
    lead = world.facts.leads.assign(email="a@acme.example", created_at=dated([instant(0)]))
    facts = replace(world.facts, leads=lead, versions=world.facts.versions.head(0))
    asked = pd.DataFrame({"lead_id": [0, 0], "at": [instant(4).value, instant(6).value]})
    found = lead_features(facts, asked)["company: employees"]
    assert np.isnan(found[0])
    assert found[1] == 40


def test_leads_without_a_time_have_what_they_bring_along() -> None:
    world = lead_world(1, n=2)
    facts = replace(world.facts, leads=world.facts.leads.assign(created_at=dated([None, None])))
    found = lead_features(facts, pd.DataFrame({"lead_id": [0, 1], "at": [NEVER, NEVER]}))
    assert found["field: pages"].notna().all()
    assert found[["age in days", "working days until contact", "owner: open leads"]].isna().all().all()


# --- landmarks -------------------------------------------------------------------------------------------------------


def records(created: list[float | None], converted: list[float | None]) -> pd.DataFrame:
    return pd.DataFrame({
        "lead_id": range(len(created)), "created_at": dated([None if one is None else instant(one) for one in created]),
        "converted_at": dated([None if one is None else instant(one) for one in converted]),
        "is_won": pd.array([one is not None for one in converted], dtype="boolean"),
    })  # fmt: skip


def looks(frame: pd.DataFrame, *, horizon: int, cut_off: float) -> pd.DataFrame:
    return landmarks(frame, key="lead_id", won="converted_at", ended="converted_at", ages=LEAD_AGES, horizon=horizon,
                     cut_off=instant(cut_off).value)  # fmt: skip


def test_a_lead_is_looked_at_for_as_long_as_it_is_undecided() -> None:
    found = looks(records([0, 0], [5, None]), horizon=20, cut_off=100)
    days = (found["at"] - found["created"]) // DAY
    assert days[found["lead_id"] == 0].tolist() == [0, 1, 3]
    assert days[found["lead_id"] == 1].tolist() == [0, 1, 3, 7, 14]
    assert found["outcome"].tolist() == (found["lead_id"] == 0).astype(int).tolist()


def test_leads_whose_horizon_has_not_passed_teach_nothing() -> None:
    found = looks(records([0, 85], [2, 86]), horizon=20, cut_off=100)
    assert set(found["lead_id"]) == {0}


def test_what_came_after_the_horizon_is_no_conversion() -> None:
    assert looks(records([0], [21]), horizon=20, cut_off=100)["outcome"].eq(0).all()


def test_a_conversion_without_a_date_is_only_known_to_be_ahead_at_first() -> None:
    frame = records([0], [None]).assign(is_won=pd.array([True], dtype="boolean"))
    found = looks(frame, horizon=20, cut_off=100)
    assert found["outcome"].tolist() == [1]


def test_leads_without_a_time_are_looked_at_once() -> None:
    found = looks(records([None, None], [None, None]).assign(is_won=pd.array([True, None], dtype="boolean")),
                  horizon=20, cut_off=100)  # fmt: skip
    assert found[["lead_id", "outcome"]].to_numpy().tolist() == [[0, 1]]


def test_the_horizon_holds_nearly_all_conversions() -> None:
    frame = records([0.0] * 100, [float(k % 10) for k in range(95)] + [90.0] * 5)
    assert horizon_days(frame["created_at"], frame["converted_at"], (7, 180)) in range(9, 91)
    few = frame.head(5)
    assert horizon_days(few["created_at"], few["converted_at"], (7, 180)) == 180


@pytest.mark.parametrize(
    ("address", "kind"), [("a@gmail.com", "free"), ("a@acme.example", "company"), (None, None), ("nobody", None)]
)
def test_mail_addresses_are_of_a_provider_or_of_a_company(address: str | None, kind: str | None) -> None:
    assert mail_kind(pd.Series([address], dtype=object)).tolist() == [kind]


def test_weekends_are_no_working_days() -> None:
    friday, monday = pd.Timestamp("2024-01-05T15:00", tz=ZONE).value, pd.Timestamp("2024-01-08T09:00", tz=ZONE).value
    assert working_days(np.array([friday]), np.array([monday]), ZONE).tolist() == [1]
