"""Pipeline health: facts know nothing of later, limits come from the organization's own won deals, and flags are held
against what came."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from insights.health import rules, words
from insights.health.history import DAY_S, NONE, Evening, History, facts_on
from insights.health.rules import Outcome
from insights.health.track_record import FOLLOWED_DAYS, Fate, came_true, fates, hit_rates, unflagged
from insights.health.won import LEAST, Usual, compared, stays, won_deals
from snapshots import tables

INF = float("inf")
TODAY = 20_000
"""Days since 1970; seconds are counted from the same midnight, as in UTC."""


def evening(day: int) -> Evening:
    return Evening(day, (day + 1) * DAY_S)


def span(deal_id: int, since: float, until: float = INF, status: str = "open", **further: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "pipeline_id": 1, "stage_id": 11, "entered_s": since * DAY_S, "owner_id": 7, "product_id": 5,
        "amount_minor": 1000.0, "currency": "EUR", "close_day": float(TODAY + 10), "created_s": since * DAY_S,
    }  # fmt: skip
    return {
        "deal_id": deal_id, "from_s": since * DAY_S, "to_s": until * DAY_S, "from_day": float(int(since)),
        "status": status, **(plain | further),
    }  # fmt: skip


def touch(deal_id: int, day: float, *, is_answer: bool = False, contact_id: int = NONE) -> dict[str, Any]:
    return {"deal_id": deal_id, "at_s": day * DAY_S, "is_answer": is_answer, "contact_id": contact_id}


def frame(rows: list[dict[str, Any]], columns: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def history(spans: list[dict[str, Any]], touches: list[dict[str, Any]] = [], **further: Any) -> History:  # noqa: B006
    return History(frame(spans, tables.HEALTH_SPANS), frame(touches, tables.HEALTH_TOUCHES), **further)


def facts(made: History, day: int = TODAY, *, knows_plans: bool = False) -> pd.DataFrame:
    found = facts_on(made, evening(day), knows_plans=knows_plans)
    return found.assign(compared_minor=found["amount_minor"], compared_currency=found["currency"])


def won_like(n: int, **further: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Deals that were won: thirty days open, ten in each of three stages, touched every five days."""
    spans, touches = [], []
    for key in range(1000, 1000 + n):
        start = TODAY - 200 - (key % 50)
        for stage in range(3):
            since = start + 10 * stage
            own = {"created_s": start * DAY_S, "close_day": float(start + 40), "stage_id": 11 + stage, **further}
            spans.append(span(key, since, since + 10, entered_s=since * DAY_S, **own))
        spans.append(span(key, start + 30, status="won", created_s=start * DAY_S, stage_id=99, **further))
        touches += [touch(key, start + day, is_answer=day == 5) for day in range(0, 30, 5)]
    return spans, touches


def usual(spans: list[dict[str, Any]], touches: list[dict[str, Any]]) -> Usual:
    made = history(spans, touches)
    won = won_deals(made)
    return Usual(won, stays(made, won), evening(TODAY))


def flags(made: History, standard: Usual, *, is_past: bool = False, **further: Any) -> dict[tuple[int, str], Any]:
    judged = rules.judge(facts(made, **further), standard, evening(TODAY), is_past=is_past)
    return {(row.deal_id, row.rule): row.evidence for row in judged.raised.itertuples()}


USUAL = usual(*won_like(40))
NOTHING = usual([], [])

# --- facts ------------------------------------------------------------------------------------------------------------

moments = st.integers(0, 400).map(lambda n: TODAY - 300 + n / 2)
changes = st.lists(st.tuples(moments, st.sampled_from([1000.0, 2500.0, np.nan]), st.integers(-30, 60)), max_size=5)
happenings = st.lists(st.tuples(moments, st.booleans(), st.sampled_from([NONE, 31, 32])), max_size=8)


def lives(drawn: list[tuple[list[Any], list[Any]]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Deals with some changes of amount and close date, and what happened on them."""
    spans, touches = [], []
    for key, (steps, acts) in enumerate(drawn, start=1):
        starts = sorted({TODAY - 310.0, *(at for at, _, _ in steps)})
        said = [(1000.0, 0), *((minor, close) for _, minor, close in steps)][: len(starts)]
        for place, (since, (minor, close)) in enumerate(zip(starts, said, strict=True)):
            until = starts[place + 1] if place + 1 < len(starts) else INF
            spans.append(span(key, since, until, amount_minor=minor, close_day=float(TODAY + close),
                              created_s=starts[0] * DAY_S, entered_s=starts[0] * DAY_S))  # fmt: skip
        touches += [touch(key, at, is_answer=answer, contact_id=who) for at, answer, who in acts]
    return spans, touches


@given(st.lists(st.tuples(changes, happenings), min_size=1, max_size=4), st.integers(TODAY - 290, TODAY))
@settings(max_examples=examples(25))
def test_facts_are_those_that_a_reader_of_all_that_had_happened_would_count(drawn: Any, day: int) -> None:
    spans, touches = lives(drawn)
    end = (day + 1) * DAY_S
    for row in facts(history(spans, touches), day).itertuples():
        own = [one for one in spans if one["deal_id"] == row.deal_id and one["from_s"] < end]
        acts = [one for one in touches if one["deal_id"] == row.deal_id and one["at_s"] < end]
        dates = [one["close_day"] for one in own]
        signs = [one["at_s"] for one in acts] + [own[0]["created_s"]]
        assert row.n_touches == len(acts)
        assert row.n_answers == sum(one["is_answer"] for one in acts)
        assert row.n_contacts == len({one["contact_id"] for one in acts} - {NONE})
        assert row.n_pushes == sum(later > earlier for earlier, later in pairwise(dates))
        assert row.quiet_days == int((end - max(signs)) // DAY_S)
        assert row.close_day == dates[-1]


@given(st.lists(st.tuples(changes, happenings), min_size=1, max_size=4), st.integers(TODAY - 290, TODAY))
@settings(max_examples=examples(25))
def test_with_everything_that_came_later_erased_facts_are_the_same(drawn: Any, day: int) -> None:
    spans, touches = lives(drawn)
    end = (day + 1) * DAY_S
    then = [one | {"to_s": INF if one["to_s"] >= end else one["to_s"]} for one in spans if one["from_s"] < end]
    past = history(then, [one for one in touches if one["at_s"] < end])
    pd.testing.assert_frame_equal(facts(history(spans, touches), day), facts(past, day))


def test_an_amount_in_another_currency_than_the_first_is_no_change() -> None:
    made = history([span(1, TODAY - 9, TODAY - 3), span(1, TODAY - 3, amount_minor=9000.0, currency="USD")])
    assert facts(made)["first_minor"].isna().all()


def test_contacts_that_the_crm_lists_count_beside_those_of_activities() -> None:
    listed = frame([{"deal_id": 1, "contact_id": 5}, {"deal_id": 1, "contact_id": 6}], tables.HEALTH_CONTACTS)
    made = history([span(1, TODAY - 9)], [touch(1, TODAY - 3, contact_id=6)], contacts=listed)
    assert facts(made)["n_contacts"].tolist() == [2]


# --- rules ------------------------------------------------------------------------------------------------------------


def test_limits_are_those_of_the_won_deals_and_say_on_how_many_they_rest() -> None:
    assert (USUAL.quiet(1).value, USUAL.quiet(1).n, USUAL.quiet(1).group) == (5.0, 40, "pipeline")
    assert (USUAL.stay(12).value, USUAL.stay(12).group) == (10.0, "stage")
    assert USUAL.quiet(2).group == "all", "a pipeline with too few won deals takes all of them"
    assert not usual(*won_like(LEAST - 1)).quiet(1).is_known


def test_a_deal_is_stale_beyond_what_won_deals_went_without_or_beyond_the_fallback() -> None:
    made = history([span(1, TODAY - 20)], [touch(1, TODAY - 8), touch(1, TODAY + 1)])
    assert flags(made, USUAL)[1, "stale"] == {"value": 9, "limit": 5.0, "n": 40, "group": "pipeline"}
    assert (1, "stale") not in flags(made, NOTHING)
    older = history([span(1, TODAY - 60)], [touch(1, TODAY - 31)])
    assert flags(older, NOTHING)[1, "stale"]["group"] == "none"


def test_a_change_of_stage_is_a_sign_of_life() -> None:
    moved = [span(1, TODAY - 40, TODAY - 2), span(1, TODAY - 2, stage_id=12, created_s=(TODAY - 40) * DAY_S)]
    assert (1, "stale") not in flags(history(moved, [touch(1, TODAY - 40)]), USUAL)


def test_without_activities_nothing_is_stale_and_the_rule_says_why() -> None:
    judged = rules.judge(facts(history([span(1, TODAY - 90)])), NOTHING, evening(TODAY), is_past=False)
    assert "stale" not in set(judged.raised["rule"])
    assert judged.not_applied["stale"] == "No source tells of activities on deals."


def test_times_in_which_a_stage_was_stuck_set_no_standard() -> None:
    spans, touches = won_like(40)
    stuck = []
    for key in range(2000, 2010):
        since = TODAY - 100
        stuck += [span(key, since, since + 60), span(key, since + 60, status="won", created_s=since * DAY_S)]
    assert usual(spans + stuck, touches).stay(11).value == 10.0


def test_a_close_date_that_moved_once_is_a_correction_however_rarely_others_move() -> None:
    dates = [TODAY + 5, TODAY + 20, TODAY + 40]
    steps = [span(1, TODAY - 9 + n, TODAY - 8 + n if n < 2 else INF, close_day=float(day))
             for n, day in enumerate(dates)]  # fmt: skip
    assert flags(history(steps), USUAL)[1, "pushed"] == {
        "value": 2, "limit": 0.0, "n": 40, "group": "pipeline", "pushed_days": 35,
    }  # fmt: skip
    assert (1, "pushed") not in flags(history([steps[0], steps[1] | {"to_s": INF}]), USUAL)


def test_a_missing_plan_says_nothing_where_nobody_plans_nor_of_a_past_day() -> None:
    deals = [span(key, TODAY - 40) for key in (1, 2, 3, 4, 5)]
    acts = [touch(key, TODAY - 30) for key in (1, 2, 3, 4, 5)]
    planned = [touch(key, TODAY + 3) for key in (1, 2)]
    assert {key for key, rule in flags(history(deals, acts + planned), USUAL, knows_plans=True)
            if rule == "no_next_step"} == {3, 4, 5}  # fmt: skip
    assert not [rule for _, rule in flags(history(deals, acts + planned[:1]), USUAL, knows_plans=True)
                if rule == "no_next_step"]  # fmt: skip
    judged = rules.judge(facts(history(deals, acts + planned)), USUAL, evening(TODAY), is_past=True)
    assert "no_next_step" in judged.not_applied


def test_one_contact_alone_is_flagged_where_most_won_deals_had_two() -> None:
    def standard(n_with_two: int) -> Usual:
        spans, touches = won_like(40)
        two = [touch(key, TODAY - 250, contact_id=5) for key in range(1000, 1000 + n_with_two)]
        return usual(spans, [one | {"contact_id": 4} for one in touches] + two)

    deals = [(key, since, stage) for key in (1, 2, 3) for since, stage in ((20, 11), (9, 12))] + [(4, 20, 11)]
    spans = [span(key, TODAY - since, TODAY - 9 if since == 20 and key < 4 else INF, stage_id=stage)
             for key, since, stage in deals]  # fmt: skip
    made = history(spans, [touch(key, TODAY - 3, contact_id=one) for key, one in ((1, 4), (2, 4), (2, 5))])
    found = {key: one for key, one in flags(made, standard(30)).items() if key[1] == "single_threaded"}
    assert {key: one["value"] for key, one in found.items()} == {(1, "single_threaded"): 1, (3, "single_threaded"): 0}
    assert not [key for key in flags(made, standard(20)) if key[1] == "single_threaded"], "half of them had two"


def test_an_amount_drifts_beyond_the_ordinary_and_by_a_tenth_at_least() -> None:
    def changed(minor: float) -> History:
        return history([span(1, TODAY - 9, TODAY - 3), span(1, TODAY - 3, amount_minor=minor)])

    assert flags(changed(700.0), USUAL)[1, "amount_drift"]["value"] == -0.3
    assert flags(changed(1500.0), USUAL)[1, "amount_drift"]["value"] == 0.5
    assert (1, "amount_drift") not in flags(changed(1050.0), USUAL)


def test_a_deal_looks_sandbagged_when_it_is_small_and_far_off_though_it_moves() -> None:
    def moving(minor: float, ahead: int) -> History:
        own: dict[str, Any] = {"amount_minor": minor, "close_day": float(TODAY + ahead),
                               "created_s": (TODAY - 20) * DAY_S}  # fmt: skip
        return history([span(1, TODAY - 20, TODAY - 3, **own), span(1, TODAY - 3, stage_id=12, **own)])

    standard = usual(*won_like(40, amount_minor=3000.0))
    found = flags(moving(900.0, 120), standard)[1, "sandbag"]
    assert (found["value"], found["amount_minor"], found["usual_minor"]) == (120, 900, 3000)
    assert (1, "sandbag") not in flags(moving(900.0, 20), standard)
    assert (1, "sandbag") not in flags(moving(5000.0, 120), standard)
    fresh = history([span(1, TODAY - 3, amount_minor=900.0, close_day=float(TODAY + 120))])
    assert (1, "sandbag") not in flags(fresh, standard), "it has not moved yet"


def test_silence_counts_where_nearly_all_won_deals_had_an_answer() -> None:
    tried = [touch(1, TODAY - day) for day in (2, 3, 4)]
    assert flags(history([span(1, TODAY - 9)], tried), USUAL)[1, "happy_ears"]["value"] == 3
    assert (1, "happy_ears") not in flags(history([span(1, TODAY - 9)], tried[:2]), USUAL)
    answered = [*tried, touch(1, TODAY - 1, is_answer=True)]
    assert (1, "happy_ears") not in flags(history([span(1, TODAY - 9)], answered), USUAL)


def test_a_second_record_is_flagged_as_such_and_not_as_stale() -> None:
    firsts = frame([{"deal_id": 2, "first_id": 1}], tables.HEALTH_FIRSTS)
    made = history([span(1, TODAY - 60), span(2, TODAY - 58)], [touch(1, TODAY - 55)], firsts=firsts)
    found = flags(made, USUAL)
    assert found[2, "second_record"] == {"first_id": 1}
    assert ((1, "stale") in found, (2, "stale") in found) == (True, False)


def test_what_is_won_later_or_was_undone_sets_no_standard() -> None:
    spans, touches = won_like(40)
    made = history(spans, touches)
    won = won_deals(made)
    assert Usual(won, stays(made, won), evening(TODAY - 400)).n == 0
    reopened = [one | {"to_s": (TODAY - 2) * DAY_S} if one["status"] == "won" else one for one in spans]
    assert usual(reopened, touches).n == 0


def test_amounts_are_compared_in_one_currency_as_far_as_there_are_rates() -> None:
    rates = pd.DataFrame({"currency": ["USD"], "to_currency": ["EUR"], "day": pd.to_datetime(["2020-01-01"]),
                          "rate": [0.5]})  # fmt: skip
    told = pd.DataFrame({"amount_minor": [1000.0, 1000.0, np.nan], "currency": ["USD", "JPY", None]})
    found = compared(told, rates, "EUR", days=pd.Timestamp("2024-01-01").date())
    assert found["currency"].tolist() == ["EUR", "JPY", None]
    assert found["amount_minor"].tolist()[:2] == [500.0, 1000.0]


# --- what came of it --------------------------------------------------------------------------------------------------

FLAGGED_ON = TODAY - 120


def outcome(kind: Outcome, *steps: dict[str, Any]) -> tuple[bool, bool]:
    since = pd.DataFrame({"deal_id": [1], "day": [FLAGGED_ON], "end_s": [(FLAGGED_ON + 1) * DAY_S]})
    came, counts = came_true(history(list(steps)), since, kind)
    return bool(came[0]), bool(counts[0])


def ended(status: str, after: int, close: float | None = 30, **further: Any) -> list[dict[str, Any]]:
    """Open with a close date so many days after the flag, then this."""
    close_day = np.nan if close is None else FLAGGED_ON + close
    end = FLAGGED_ON + after
    return [
        span(1, FLAGGED_ON - 50, end, close_day=close_day),
        span(1, end, status=status, close_day=close_day, **further),
    ]


@pytest.mark.parametrize(
    ("steps", "came"),
    [
        (ended("lost", 60, close=300), True),
        (ended("won", 25), False),
        (ended("won", 45), True),
        (ended("won", 45, close=-5), False),
        (ended("won", 100, close=-5), True),
        (ended("won", 100, close=None), True),
        (ended("won", 110, close=200), False),
    ],
    ids=["lost", "won in time", "won too late", "overdue and won", "overdue and not won", "no date", "a later date"],
)
def test_a_deal_slipped_when_it_was_lost_or_not_won_by_its_date(steps: list[dict[str, Any]], came: bool) -> None:
    assert outcome(Outcome.SLIPPED, *steps) == (came, True)


def test_what_ended_otherwise_says_nothing() -> None:
    assert not outcome(Outcome.SLIPPED, *ended("deleted", 20))[1]
    assert not outcome(Outcome.NOT_WON, *ended("merged", 20))[1]


def test_a_deal_was_held_back_when_it_was_won_early_or_for_more() -> None:
    assert outcome(Outcome.HELD_BACK, *ended("won", 10)) == (True, True)
    assert outcome(Outcome.HELD_BACK, *ended("won", 25)) == (False, True)
    assert outcome(Outcome.HELD_BACK, *ended("won", 25, amount_minor=1200.0)) == (True, True)
    assert outcome(Outcome.HELD_BACK, *ended("lost", 10)) == (False, True)


@pytest.mark.parametrize(
    ("kind", "steps", "fate", "after"),
    [
        (Outcome.SLIPPED, ended("lost", 60, close=300), Fate.LOST, 60),
        (Outcome.SLIPPED, ended("won", 25), Fate.WON, 25),
        (Outcome.SLIPPED, ended("won", 45), Fate.WON_LATE, 45),
        (Outcome.SLIPPED, ended("won", 100), Fate.SLIPPED, 30),
        (Outcome.SLIPPED, ended("won", 100, close=-5), Fate.OPEN, FOLLOWED_DAYS),
        (Outcome.SLIPPED, ended("won", 110, close=200), Fate.OPEN, FOLLOWED_DAYS),
        (Outcome.NOT_WON, ended("won", 45), Fate.WON, 45),
        (Outcome.NOT_WON, ended("lost", 45), Fate.LOST, 45),
        (Outcome.HELD_BACK, ended("won", 10), Fate.WON_EARLY, 10),
        (Outcome.HELD_BACK, ended("won", 25, amount_minor=1200.0), Fate.WON_FOR_MORE, 25),
        (Outcome.HELD_BACK, ended("won", 25), Fate.WON, 25),
    ],
)
def test_what_became_of_a_flagged_deal_is_told_with_its_day(
    kind: Outcome, steps: list[dict[str, Any]], fate: Fate, after: int
) -> None:
    since = pd.DataFrame({"deal_id": [1], "day": [FLAGGED_ON], "end_s": [(FLAGGED_ON + 1) * DAY_S]})
    (row,) = fates(history(steps), since, kind).itertuples()
    assert (row.fate, (row.fate_day - row.day).days) == (fate, after)
    assert row.is_true == outcome(kind, *steps)[0]


def test_of_a_deal_that_was_lost_the_day_is_that_of_losing_it_whatever_was_changed_later() -> None:
    lost = ended("lost", 20)
    lost = [lost[0], lost[1] | {"to_s": (FLAGGED_ON + 40) * DAY_S}, ended("lost", 40, amount_minor=5.0)[1]]
    since = pd.DataFrame({"deal_id": [1, 9], "day": [FLAGGED_ON] * 2, "end_s": [(FLAGGED_ON + 1) * DAY_S] * 2})
    (row,) = fates(history(lost), since, Outcome.SLIPPED).itertuples()
    assert (row.fate, (row.fate_day - row.day).days) == (Fate.LOST, 20)


def test_a_hit_rate_stands_beside_that_of_the_deals_that_were_not_flagged() -> None:
    steps = [one | {"deal_id": key} for key, kind in ((1, "lost"), (2, "won"), (3, "won")) for one in ended(kind, 20)]
    on = {"rule": "stale", "day": FLAGGED_ON, "end_s": (FLAGGED_ON + 1) * DAY_S}
    flagged = pd.DataFrame([{"deal_id": 1, **on}, {"deal_id": 2, **on}])
    found = hit_rates(history(steps), flagged, pd.DataFrame([{"deal_id": 3, **on}]))["stale"]
    assert (found.flagged.n_true, found.flagged.n, found.others.n_true, found.others.n) == (1, 2, 0, 1)
    assert found.flagged.interval is not None
    assert found.flagged.interval[0] < 0.5 < found.flagged.interval[1]


# --- who was not flagged ---------------------------------------------------------------------------------------------

_KEYS = ("stale", "pushed", "sandbag")
_PLACES = st.integers(0, 12)
_BOOK = st.lists(
    st.lists(st.tuples(_PLACES, st.sampled_from(["open", "won", "lost"])), min_size=1, max_size=4),
    min_size=1,
    max_size=5,
)
_FLAGS = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(_KEYS), _PLACES, _PLACES), max_size=12)
_JUDGED = st.dictionaries(_PLACES, st.frozensets(st.sampled_from(_KEYS)), min_size=1, max_size=6)


def _one_by_one(
    made: History, stood: pd.DataFrame, evenings: list[Evening], silent: list[frozenset[str]]
) -> set[tuple[str, int, int]]:
    """Day by day, rule by rule, deal by deal."""
    seen: dict[tuple[str, int], int] = {}
    for one, without in zip(evenings, silent, strict=True):
        held = made.is_open & (made.from_s < one.end_s) & (made.to_s >= one.end_s)
        here = stood[(stood["first_day"] <= one.day) & (stood["last_day"] >= one.day)]
        for key in rules.RULES:
            if key not in without:
                flagged = set(here.loc[here["rule"] == key, "deal_id"])
                for deal_id in made.deals[made.code[held]].tolist():
                    if deal_id not in flagged:
                        seen.setdefault((key, deal_id), one.day)
    return {(key, deal_id, day) for (key, deal_id), day in seen.items()}


@given(book=_BOOK, flags=_FLAGS, judged=_JUDGED)
@settings(max_examples=examples(120), deadline=None)
def test_who_was_not_flagged_is_what_a_look_at_each_deal_on_each_day_finds(
    book: list[list[tuple[int, str]]], flags: list[tuple[int, str, int, int]], judged: dict[int, frozenset[str]]
) -> None:
    spans = []
    for deal_id, steps in enumerate(book):
        at = sorted(dict(steps).items())
        ends = [float(day) for day, _ in at[1:]] + [INF]
        spans += [span(deal_id, float(day), end, status) for (day, status), end in zip(at, ends, strict=True)]
    made = history(spans)
    rows = [(deal_id, key, min(pair), max(pair)) for deal_id, key, *pair in flags]
    stood = pd.DataFrame(rows, columns=["deal_id", "rule", "first_day", "last_day"]).astype(
        {"deal_id": "int64", "first_day": "int64", "last_day": "int64"}
    )
    evenings, silent = [evening(day) for day in sorted(judged)], [judged[day] for day in sorted(judged)]
    found = unflagged(made, stood, evenings, silent)
    told = list(zip(found["rule"], found["deal_id"], found["day"], strict=True))
    assert len(told) == len(set(told))
    assert set(told) == _one_by_one(made, stood, evenings, silent)
    assert (found["end_s"] == (found["day"] + 1) * DAY_S).all()


def _listed(rule: str, first: dict[str, Any], latest: dict[str, Any]) -> dict[str, Any]:
    """Raised on 1 November, and still on the 29th."""
    return {
        "rule": rule, "evidence": first, "evidence_on": "2026-11-01", "latest": latest, "last_day": "2026-11-29"
    }  # fmt: skip


def test_between_its_first_day_and_its_last_a_flag_counts_days_on() -> None:
    flag = _listed("slow_stage", {"value": 26}, {"value": 54})
    assert words.on_day(flag, date(2026, 11, 22)) == ({"value": 47}, "")
    assert words.on_day(flag, date(2026, 11, 1)) == ({"value": 26}, "")
    judged_by_day = _listed("slow_stage", {"value": 27}, {"value": 54})
    assert words.on_day(judged_by_day, date(2026, 11, 22)) == ({"value": 48}, "")


def test_what_a_flag_did_not_keep_of_a_day_is_told_with_the_day_that_it_is_of() -> None:
    drifted = _listed("amount_drift", {"value": 0.34}, {"value": 0.23})
    assert words.on_day(drifted, date(2026, 11, 22)) == ({"value": 0.34}, " on 1 Nov 2026")
    moved_on_between = _listed("slow_stage", {"value": 26}, {"value": 20})
    assert words.on_day(moved_on_between, date(2026, 11, 22)) == ({"value": 26}, " on 1 Nov 2026")
    steady = _listed("pushed", {"value": 3}, {"value": 3})
    assert words.on_day(steady, date(2026, 11, 22)) == ({"value": 3}, "")
