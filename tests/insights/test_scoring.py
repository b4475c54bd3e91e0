"""Scores: what is measured, what is named a leak, when nothing is shown, and that reasons add up to the score."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights.scoring.calibration import choose
from insights.scoring.columns import Sort, frame_of, read_columns
from insights.scoring.evaluation import CannotScore, Evaluation, Trial
from insights.scoring.grading import auc, calibration_error, grade, lift
from insights.scoring.leaks import probe
from insights.scoring.models import CANDIDATES, probability

Outcomes = npt.NDArray[np.int64]
N = 1500


def made_table(n: int = N, *, seed: int = 3) -> tuple[pd.DataFrame, Outcomes]:
    """Leads whose source and visits drive the outcome, with gaps, an id, and a column that says nothing."""
    chance = np.random.default_rng(seed)
    source = chance.choice(["Referral", "Web", "Fair", "Ads"], n, p=[0.15, 0.45, 0.2, 0.2])
    visits = chance.poisson(3, n)
    drive = pd.Series(source).map({"Referral": 1.6, "Web": 0.0, "Fair": -0.4, "Ads": -1.0}).to_numpy() + 0.35 * (
        visits - 3
    )
    outcomes = (chance.random(n) < 1 / (1 + np.exp(0.9 - drive))).astype(np.int64)
    frame = pd.DataFrame(
        {
            "lead id": [f"L-{number:06}" for number in chance.permutation(n)],
            "source": source,
            "visits": np.where(chance.random(n) < 0.1, "", visits.astype(str)),
            "city": chance.choice([f"City {k}" for k in range(300)], n),
            "came": (pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n) % 200, "D")).strftime("%Y-%m-%d"),
        },
        dtype=object,
    )
    return frame, outcomes


def on_trial(frame: pd.DataFrame, outcomes: Outcomes, **more: Any) -> Evaluation:
    return Trial(frame=frame, outcomes=outcomes, **more).run()


@pytest.fixture(scope="module")
def found() -> Evaluation:
    return on_trial(*made_table())


def test_a_score_of_real_drivers_is_shown_and_beats_all_baselines(found: Evaluation) -> None:
    assert found.gate.is_open
    best = found.cv[found.chosen]
    assert best.auc is not None
    assert best.auc > 0.7
    assert best.log_loss < min(found.cv[name].log_loss for name in ("base rate", "points by rule", "only source"))


def test_an_outcome_that_nothing_drives_gets_no_score(found: Evaluation) -> None:
    frame, outcomes = made_table()
    shuffled = on_trial(frame, np.random.default_rng(0).permutation(outcomes))
    assert not shuffled.gate.is_open
    assert "no more" in shuffled.gate.why


def test_few_conversions_get_points_by_rule_and_no_percentage() -> None:
    frame, outcomes = made_table(n=140)
    found = on_trial(frame, outcomes)
    assert not found.gate.is_open
    assert f"{min(outcomes.sum(), 140 - outcomes.sum())} of 60" in found.gate.why


def test_what_held_once_and_holds_no_more_is_not_shown() -> None:
    chance = np.random.default_rng(5)
    n, cut = 2000, 1600
    sign = chance.integers(0, 2, n)
    outcomes = np.where(np.arange(n) < cut, sign, 1 - sign)
    outcomes = np.where(chance.random(n) < 0.3, 1 - outcomes, outcomes).astype(np.int64)
    frame = pd.DataFrame({"sign": np.where(sign, "a", "b"), "row": np.arange(n) * 1.5})
    found = on_trial(frame, outcomes, time="row", drop=("row",))
    assert found.cv[found.chosen].log_loss < found.cv["base rate"].log_loss
    assert not found.gate.is_open
    assert "newest rows" in found.gate.why


def test_the_order_of_the_rows_moves_nothing(found: Evaluation) -> None:
    frame, outcomes = made_table()
    by_outcome = np.argsort(outcomes, kind="stable")
    other = on_trial(frame.iloc[by_outcome], outcomes[by_outcome])
    before, after = found.cv[found.chosen].auc, other.cv[other.chosen].auc
    assert before is not None
    assert after is not None
    assert abs(before - after) < 0.01


def test_a_tripled_base_rate_is_reported_as_drift() -> None:
    frame, outcomes = made_table()
    late = (np.random.default_rng(1).random(N) < 0.8).astype(np.int64)
    outcomes = np.where(np.arange(N) >= 1200, late, outcomes)
    found = on_trial(frame.assign(row=np.arange(N) * 1.5), outcomes, time="row", drop=("row",))
    assert found.drift is not None
    assert found.drift.has_drifted
    assert found.drift.after > found.drift.before


def noisy_copy(outcomes: Outcomes, right: float) -> list[str]:
    kept = np.random.default_rng(2).random(len(outcomes)) < right
    return [str(value) for value in np.where(kept, outcomes, 1 - outcomes)]


def filled_afterwards(outcomes: Outcomes) -> Any:
    return np.where((outcomes == 1) & (np.arange(len(outcomes)) % 4 > 0), "500", "")


def shifted(outcomes: Outcomes) -> Any:
    return (2 * outcomes + np.random.default_rng(4).normal(size=len(outcomes))).round(3).astype(str)


def day_after(outcomes: Outcomes) -> Any:
    days = np.arange(len(outcomes)) % 300 + 200
    return (pd.Timestamp("2026-03-01") + pd.to_timedelta(days, "D")).strftime("%Y-%m-%d")


def words_that_settle_it(outcomes: Outcomes) -> Any:
    return np.where(outcomes == 1, "Closed", np.where(np.arange(len(outcomes)) % 5 > 0, "Lost", "Open"))


LEAKS = {
    "a copy with a tenth of errors": lambda outcomes: noisy_copy(outcomes, 0.9),
    "filled in after most conversions": filled_afterwards,
    "a number that the outcome shifts": shifted,
    "a day that follows the others": day_after,
    "words that settle it": words_that_settle_it,
}


@pytest.mark.parametrize("why", LEAKS)
def test_a_column_that_knows_the_outcome_is_named_and_left_out(why: str) -> None:
    frame, outcomes = made_table()
    frame = frame.assign(x9=LEAKS[why](outcomes))
    named = [one.column for one in probe(read_columns(frame), outcomes) if one.verdict == "leak"]
    assert named == ["x9"], why
    found = on_trial(frame, outcomes)
    assert "x9" in found.left_out
    assert not [name for name in found.used if name.startswith("x9")]


def test_honest_columns_are_not_named(found: Evaluation) -> None:
    assert [one.column for one in found.suspects if one.verdict == "leak"] == []


def test_thousands_of_rare_values_spoil_nothing(found: Evaluation) -> None:
    frame, outcomes = made_table()
    codes = np.random.default_rng(6).integers(0, 5000, N).astype(str)
    other = on_trial(frame.assign(code=np.char.add("c", codes)), outcomes)
    before, after = found.cv[found.chosen].auc, other.cv[other.chosen].auc
    assert before is not None
    assert after is not None
    assert after > before - 0.01


@pytest.mark.parametrize("name", CANDIDATES)
def test_reasons_add_up_to_the_score(name: str) -> None:
    frame, outcomes = made_table()
    features = frame_of(read_columns(frame))
    model = CANDIDATES[name]().fit(features, outcomes)
    unseen = features.head(50).assign(source="Never heard of")
    for rows in (features.tail(50), unseen):
        parts, shared = model.contributions(rows)
        assert np.abs(parts.sum(axis=1).to_numpy() + shared - model.log_odds(rows)).max() < 1e-9


def test_the_same_rows_give_the_same_numbers() -> None:
    frame, outcomes = made_table()
    features = frame_of(read_columns(frame))
    first, second = (CANDIDATES["blend"]().fit(features, outcomes).log_odds(features) for _ in range(2))
    assert (first == second).all()


def test_calibration_is_used_only_where_it_helps() -> None:
    chance = np.random.default_rng(7)
    true = chance.normal(size=4000)
    outcomes = (chance.random(4000) < probability(true)).astype(np.int64)
    order = np.arange(4000)
    folds = [(order[order % 5 != k], order[order % 5 == k]) for k in range(5)]
    kind, kept = choose(true, outcomes, folds)
    assert kind == "none"
    assert (kept == true).all()
    kind, mended = choose(3 * true + 1, outcomes, folds)
    assert kind != "none"
    assert (
        calibration_error(outcomes, probability(mended)) < 0.03 < calibration_error(outcomes, probability(3 * true + 1))
    )


def test_columns_are_told_apart() -> None:
    frame, _ = made_table()
    frame = frame.assign(
        price=["1.234,50 €"] * N, same=["x"] * N, gone=["Select"] * N, amount=[f"{k % 97},{k % 10}0" for k in range(N)]
    )
    sorts = {name: one.sort for name, one in read_columns(frame).items()}
    assert sorts == {
        "lead id": Sort.ID, "source": Sort.CHOICE, "visits": Sort.NUMBER, "city": Sort.CHOICE, "came": Sort.DAY,
        "price": Sort.CONSTANT, "same": Sort.CONSTANT, "gone": Sort.EMPTY, "amount": Sort.NUMBER,
    }  # fmt: skip


def test_a_column_that_is_not_there_is_named() -> None:
    frame, outcomes = made_table(n=200)
    with pytest.raises(CannotScore, match="no column 'when'"):
        on_trial(frame, outcomes, time="when")


def test_groups_stay_together() -> None:
    frame, outcomes = made_table(n=600)
    trial = Trial(frame=frame, outcomes=outcomes, group="city")
    for rest, held in trial._folds():
        assert not set(frame["city"].iloc[rest]) & set(frame["city"].iloc[held])


outcomes_and_scores = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1, allow_nan=False)), min_size=1, max_size=60)


@given(outcomes_and_scores)
def test_auc_is_the_share_of_pairs_in_the_right_order(pairs: list[tuple[int, float]]) -> None:
    outcomes, scores = np.array([one for one, _ in pairs]), np.array([two for _, two in pairs])
    yes, no = scores[outcomes == 1], scores[outcomes == 0]
    found = auc(outcomes, scores)
    if not len(yes) or not len(no):
        assert found is None
    else:
        wins = (yes[:, None] > no[None, :]).sum() + 0.5 * (yes[:, None] == no[None, :]).sum()
        assert found == pytest.approx(wins / len(yes) / len(no))


def test_looks_at_the_same_lead_make_no_interval_narrower() -> None:
    chance = np.random.default_rng(1)
    scores = chance.random(200)
    outcomes = (chance.random(200) < scores).astype(np.int64)
    once = grade(outcomes, scores)
    often = grade(np.repeat(outcomes, 7), np.repeat(scores, 7), groups=np.repeat(np.arange(200), 7))
    assert (often.n, often.auc) == (1400, once.auc)
    assert (often.auc_low, often.auc_high) == (once.auc_low, once.auc_high)


@given(outcomes_and_scores)
def test_grades_stay_in_their_bounds(pairs: list[tuple[int, float]]) -> None:
    outcomes, scores = np.array([one for one, _ in pairs]), np.array([two for _, two in pairs])
    found = grade(outcomes, scores)
    assert 0 <= found.ece <= 1
    assert 0 <= found.brier <= 1
    assert found.log_loss >= 0
    assert lift(outcomes, scores, 1.0) in (None, pytest.approx(1.0))
    if found.auc is not None:
        assert found.auc_low is not None
        assert found.auc_high is not None
        assert found.auc_low <= found.auc <= found.auc_high
