"""Which rule takes a lead, and whose turn it is: over any weights, absences and capacities."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshots.routing_rules import Condition, Rule
from snapshots.turns import Decision, Desk, LeadFacts, Turn, decide, meets

TEAM = 70
PEOPLE = {1: "Ann", 2: "Bo", 3: "Cem", 4: "Dee"}
LEAD = LeadFacts(form_id=5, source="Fair", campaign="spring", country="DE", values={"Employees": "250", "role": "CTO"})
ANY = (Condition(what="country", values=("de",)),)


def rule(**kwargs: object) -> Rule:
    values: dict[str, object] = {"name": "Germany", "conditions": ANY, "team_id": TEAM, "rule_id": 9, **kwargs}
    return Rule(**values)  # type: ignore[arg-type]


def desk(*rules: Rule, **kwargs: object) -> Desk:
    values: dict[str, object] = {"people": PEOPLE, "teams": {TEAM: list(PEOPLE)}, **kwargs}
    return Desk(rules=rules, **values)  # type: ignore[arg-type]


@dataclass
class Office:
    """Gives away one lead after the other, as `routing` does. present: since which lead somebody was there without a
    break, with the counts at that time."""

    rule: Rule
    capacity: dict[int, int]
    turns: dict[tuple[int, int], Turn] = field(default_factory=dict)
    rule_turn: Turn = field(default_factory=Turn)
    given: Counter[int] = field(default_factory=Counter)
    today: Counter[int] = field(default_factory=Counter)
    together: dict[frozenset[int], Counter[int]] = field(default_factory=dict)

    def lead(self, away: frozenset[int]) -> Decision:
        at = desk(
            self.rule,
            away=dict.fromkeys(away),
            room={one: limit - self.today[one] for one, limit in self.capacity.items()},
            rule_turns={9: self.rule_turn},
            turns=self.turns,
        )
        self._watch({one for one in PEOPLE if at.is_free(one) and self.rule.weights.get(one, 1) > 0})
        decision = decide(LEAD, at)
        if decision.owner_id is not None:
            assert at.is_free(decision.owner_id)
            assert decision.turn is not None
            assert decision.rule_turn is not None
            self.turns[9, decision.owner_id], self.rule_turn = decision.turn, decision.rule_turn
            self.given[decision.owner_id] += 1
            self.today[decision.owner_id] += 1
        return decision

    def _watch(self, free: set[int]) -> None:
        pairs = {frozenset((a, b)) for a in free for b in free if a < b}
        self.together = {pair: self.together.get(pair, Counter(self.given)) for pair in pairs}

    def worst(self) -> int:
        """Between two of equal weight who were both there all the time."""
        gaps = [0]
        for pair, since in self.together.items():
            one, other = pair
            if self.rule.weights.get(one, 1) == self.rule.weights.get(other, 1):
                gaps.append(abs((self.given[one] - since[one]) - (self.given[other] - since[other])))
        return max(gaps)


absences = st.lists(st.frozensets(st.sampled_from(list(PEOPLE)), max_size=4), min_size=1, max_size=120)
weights = st.fixed_dictionaries({one: st.integers(0, 3) for one in PEOPLE})
capacities = st.dictionaries(st.sampled_from(list(PEOPLE)), st.integers(1, 6))


@given(away=absences, weights=weights, capacity=capacities, day=st.integers(5, 40))
def test_turns_are_fair_whoever_is_away_or_full(
    away: list[frozenset[int]], weights: dict[int, int], capacity: dict[int, int], day: int
) -> None:
    office = Office(rule(weights=weights), capacity)
    for n, absent in enumerate(away):
        if n % day == 0:
            office.today.clear()
        decision = office.lead(absent)
        could = [
            one for one in PEOPLE if one not in absent and weights[one] and office.today[one] < capacity.get(one, 999)
        ]
        assert decision.owner_id is not None or not could
        assert all(office.today[one] <= limit for one, limit in capacity.items())
        assert office.worst() <= 1


@given(weights=st.fixed_dictionaries({one: st.integers(1, 10) for one in PEOPLE}), rounds=st.integers(1, 4))
def test_after_a_whole_round_everybody_has_the_share_of_the_weight(weights: dict[int, int], rounds: int) -> None:
    office = Office(rule(weights=weights), {})
    for _ in range(sum(weights.values()) * rounds):
        office.lead(frozenset())
    assert dict(office.given) == {one: weight * rounds for one, weight in weights.items()}


def test_who_comes_back_is_not_given_all_that_went_to_others_meanwhile() -> None:
    office = Office(rule(), {})
    for _ in range(30):
        office.lead(frozenset({1}))
    assert [office.lead(frozenset()).owner_id for _ in range(8)] == [1, 2, 3, 4, 1, 2, 3, 4]


def test_the_first_rule_that_matches_decides() -> None:
    to_bo = rule(name="Fairs", conditions=(Condition(what="source", values=("fair",)),), team_id=None, owner_id=2)
    other = rule(name="France", conditions=(Condition(what="country", values=("FR",)),), team_id=None, owner_id=3)
    decision = decide(LEAD, desk(other, to_bo, rule()))
    assert (decision.owner_id, decision.because) == (2, "Rule “Fairs” names Bo.")


def test_a_rule_that_is_switched_off_is_passed_over() -> None:
    off = rule(team_id=None, owner_id=2, is_active=False)
    assert decide(LEAD, desk(off, rule(team_id=None, owner_id=3))).owner_id == 3


def test_all_conditions_of_a_rule_must_be_met() -> None:
    both = (*ANY, Condition(what="campaign", values=("autumn",)))
    assert decide(LEAD, desk(rule(conditions=both))).because == "No rule matches, and there is no default."


def test_where_a_rule_has_nobody_the_next_one_is_asked_and_it_is_said_why() -> None:
    default = rule(name="Rest", conditions=(), is_default=True, team_id=None, owner_id=4, rule_id=10)
    decision = decide(LEAD, desk(rule(), default, away={1: None, 2: None}, room={3: 0}, teams={TEAM: [1, 2, 3, 9]}))
    assert decision.owner_id == 4
    assert decision.because == (
        "Rule “Germany” has nobody: Ann is away; Bo is away; Cem has no room today; and 1 more. The default names Dee."
    )


def test_nobody_gets_what_nobody_can_take() -> None:
    decision = decide(LEAD, desk(rule(team_id=None, owner_id=8)))
    assert (decision.owner_id, decision.because) == (
        None, "Rule “Germany” has nobody: the person has left. Nobody gets it.",
    )  # fmt: skip


def test_a_stand_in_gets_what_was_meant_for_one_person() -> None:
    to_ann = rule(team_id=None, owner_id=1)
    decision = decide(LEAD, desk(to_ann, away={1: 2, 2: 3}))
    assert (decision.owner_id, decision.because) == (
        3, "Rule “Germany” names Ann, who is away, so Bo, who is away, so Cem.",
    )  # fmt: skip


@pytest.mark.parametrize("away", [{1: 2, 2: 1}, {1: None}, {1: 2, 2: None}])
def test_stand_ins_who_are_away_themselves_get_nothing(away: dict[int, int | None]) -> None:
    assert decide(LEAD, desk(rule(team_id=None, owner_id=1), away=away)).owner_id is None


def test_by_turns_nobody_stands_in_for_anybody() -> None:
    decisions = [decide(LEAD, desk(rule(), away={1: 4}, turns={(9, 2): Turn(turn=n)})).owner_id for n in (0, 9)]
    assert decisions == [2, 3]


@pytest.mark.parametrize(
    ("condition", "is_met"),
    [
        (Condition(what="form", values=("4", "5")), True),
        (Condition(what="form", values=("50",)), False),
        (Condition(what="source", values=(" FAIR ",)), True),
        (Condition(what="campaign", values=("pri",), test="contains"), True),
        (Condition(what="country", values=("AT", "de")), True),
        (Condition(what="field", name="employees", values=("250",)), True),
        (Condition(what="field", name="employees", values=("200",), test="at_least"), True),
        (Condition(what="field", name="employees", values=("250,5",), test="at_least"), False),
        (Condition(what="field", name="role", values=("1",), test="at_least"), False),
        (Condition(what="field", name="budget", values=("1",), test="at_least"), False),
        (Condition(what="field", name="budget", values=("x",)), False),
    ],
)
def test_conditions(condition: Condition, is_met: bool) -> None:
    assert meets(LEAD, condition) is is_met


def test_a_smaller_weight_holds_nobody_back_for_longer_than_its_turn() -> None:
    """Weights are changed while turns are under way."""
    office = Office(rule(weights={1: 1, 2: 1, 3: 0, 4: 0}), {})
    for _ in range(5):
        office.lead(frozenset())
    office.rule = replace(office.rule, weights={1: 10, 2: 10, 3: 0, 4: 0})
    assert {office.lead(frozenset()).owner_id for _ in range(2)} == {1, 2}
