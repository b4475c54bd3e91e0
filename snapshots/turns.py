"""Which rule takes a lead, and who gets it: decided from values alone, so that a page may ask without giving one away.

Turns are a stride schedule (Waldspurger & Weihl 1995): who has the weight w moves on by STRIDE / w at each lead, and
the one who is furthest behind is next; of equals the one who waited longest. Whoever comes back, from an absence or a
full day, begins where the others are: what went to others meanwhile is not made up for. So among members of equal
weight who were there all the time the counts never differ by more than one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from snapshots.routing_rules import Condition, Rule, number

STRIDE: Final = 2520
"""Divided by each weight from 1 to 10 without a remainder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadFacts:
    """What conditions see. country: ISO 3166, of the phone number. values: every field by its name, texts. score: from
    0 to 100; None: it has none, and no condition on it is met. band: of the score; empty: it has none."""

    form_id: int
    source: str = ""
    campaign: str = ""
    country: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    score: int | None = None
    band: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """How far one has come in the turns of a rule, and which of its leads was the last that this one got."""

    turn: int = 0
    served: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything but the lead. people: active owners with their names; teams: members by team. away: who is absent
    today, with the stand-in. room: how many more leads one may get today; who is not in it has no limit. rule_turns:
    of rules; turns: of members, by rule and owner."""

    rules: Sequence[Rule]
    people: Mapping[int, str]
    teams: Mapping[int, Sequence[int]] = field(default_factory=dict)
    away: Mapping[int, int | None] = field(default_factory=dict)
    room: Mapping[int, int] = field(default_factory=dict)
    rule_turns: Mapping[int, Turn] = field(default_factory=dict)
    turns: Mapping[tuple[int, int], Turn] = field(default_factory=dict)

    def is_free(self, owner_id: int) -> bool:
        return owner_id in self.people and owner_id not in self.away and self.room.get(owner_id, 1) > 0

    def hindrance(self, owner_id: int) -> str:
        name = self.people.get(owner_id)
        if name is None:
            return "the person has left"
        if owner_id in self.away:
            return f"{name} is away"
        return f"{name} has no room today"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """owner_id: None, nobody. because: in words. rule_turn, turn: where the rule and the owner stand after it; None
    where no turn was taken."""

    owner_id: int | None
    rule: Rule | None
    because: str
    rule_turn: Turn | None = None
    turn: Turn | None = None


def decide(facts: LeadFacts, desk: Desk) -> Decision:
    """The first rule that matches and has somebody for the lead; the default at last."""
    passed: list[str] = []
    for rule in desk.rules:
        if not rule.is_active:
            continue
        if not all(meets(facts, one) for one in rule.conditions):
            passed += _why_not(facts, rule)
            continue
        passed += [words for words in _why(facts, rule) if words not in passed]
        found = _by_turns(rule, desk) if rule.team_id is not None else _to_one(rule, desk)
        if found.owner_id is not None:
            return replace(found, because=" ".join([*passed, found.because]))
        passed.append(found.because)
    end = "Nobody gets it." if passed else "No rule matches, and there is no default."
    return Decision(owner_id=None, rule=None, because=" ".join([*passed, end]))


def _why(facts: LeadFacts, rule: Rule) -> list[str]:
    """What is said of a lead that a rule by score takes."""
    return [f"It scored {facts.score}{facts.band and f', {facts.band}'}."] if rule.asks_score else []


def _why_not(facts: LeadFacts, rule: Rule) -> list[str]:
    """What is said where nothing but a score was missing."""
    if facts.score is not None or not rule.asks_score:
        return []
    others = (one for one in rule.conditions if not one.asks_score)
    return [f"{_title(rule)} asks for a score: no score yet."] if all(meets(facts, one) for one in others) else []


def meets(facts: LeadFacts, condition: Condition) -> bool:
    held = _held(facts, condition).strip().casefold()
    wanted = [one.strip().casefold() for one in condition.values]
    if condition.test == "contains":
        return any(one in held for one in wanted)
    if condition.test == "at_least":
        least, given = number(condition.values[0]), number(held)
        return least is not None and given is not None and given >= least
    return held in wanted


def _held(facts: LeadFacts, condition: Condition) -> str:
    if condition.what == "field":
        wanted = condition.name.strip().casefold()
        return next((value for name, value in facts.values.items() if name.casefold() == wanted), "")
    score = "" if facts.score is None else str(facts.score)
    known = {
        "form": str(facts.form_id), "source": facts.source, "campaign": facts.campaign, "country": facts.country,
        "score": score, "band": facts.band,
    }  # fmt: skip
    return known[condition.what]


def _to_one(rule: Rule, desk: Desk) -> Decision:
    assert rule.owner_id is not None
    wanted, met = rule.owner_id, {rule.owner_id}
    words = f"{_title(rule)} names"
    while wanted in desk.away and desk.away[wanted] is not None and wanted in desk.people:
        stand_in = desk.away[wanted]
        assert stand_in is not None
        if stand_in in met:  # they stand in for one another
            break
        words += f" {desk.people[wanted]}, who is away, so"
        met.add(stand_in)
        wanted = stand_in
    if not desk.is_free(wanted):
        return Decision(owner_id=None, rule=rule, because=f"{_title(rule)} has nobody: {desk.hindrance(wanted)}.")
    return Decision(owner_id=wanted, rule=rule, because=f"{words} {desk.people[wanted]}.")


def _title(rule: Rule) -> str:
    return "The default" if rule.is_default else f"Rule “{rule.name}”"


def _by_turns(rule: Rule, desk: Desk) -> Decision:
    members = [one for one in desk.teams.get(rule.team_id or 0, ()) if rule.weights.get(one, 1) > 0]
    free = [one for one in members if desk.is_free(one)]
    if not free:
        return Decision(owner_id=None, rule=rule, because=f"{_title(rule)} has nobody: {_why_none(members, desk)}.")
    now = desk.rule_turns.get(rule.rule_id, Turn())

    def due(owner_id: int) -> tuple[int, int, int]:
        held = desk.turns.get((rule.rule_id, owner_id), Turn())
        at = min(max(held.turn, now.turn), now.turn + STRIDE // rule.weights.get(owner_id, 1))
        return at, held.served, owner_id

    at, _, chosen = min(map(due, free))
    return Decision(
        owner_id=chosen,
        rule=rule,
        because=f"{_title(rule)}: it is {desk.people[chosen]}’s turn, of {len(free)} who are there.",
        rule_turn=Turn(turn=at, served=now.served + 1),
        turn=Turn(turn=at + STRIDE // rule.weights.get(chosen, 1), served=now.served + 1),
    )


def _why_none(members: Iterable[int], desk: Desk) -> str:
    said = [desk.hindrance(one) for one in members]
    return "; ".join(said[:3]) + (f"; and {len(said) - 3} more" if len(said) > 3 else "") if said else "nobody is in it"
