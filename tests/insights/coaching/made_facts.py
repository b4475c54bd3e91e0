"""Made-up facts that the verifier has not seen, each with true sentences that say the same in other words.

Written apart from the verifier: no word here was taken from its lists.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

COMPANIES = (
    "Aldergate Partners", "Tamsin Freight", "Orbit & Vale", "Quillon Systems", "Redwater Brewing", "Nimbus Optics",
    "Fjordline AS",
    "Copper Lantern", "Halvorsen Group", "Zephyr Biotech", "Marigold Textiles", "Ostrava Steel", "Pemberton Clinics",
    "Juniper Rail",
    "Westmark Foods", "Lakeside Dental", "Ibex Robotics", "Sable Creek Mining", "Thornbury Schools", "Vantage Aero",
)  # fmt: skip
PEOPLE = ("Lena", "Oskar", "Farah Siddiqui", "Tomás", "Yuki", "Graham Ellis", "Ines", "Bogdan")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WORDS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split()  # noqa: SIM905
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}


@dataclass(frozen=True)
class Made:
    """A fact as a file holds it, and true sentences: `{X}` stands for the deal's name."""

    fact: dict[str, Any]
    said: tuple[str, ...]

    def with_id(self, fact_id: str) -> Made:
        return Made({**self.fact, "id": fact_id}, self.said)


def word(count: int) -> str:
    return WORDS[count] if count < len(WORDS) else str(count)


def meetings(dice: random.Random) -> Made:
    usual = dice.randint(3, 9)
    count = usual + dice.choice((-3, -2, 2, 3, 4))
    up = count > usual
    weeks = dice.choice((6, 8, 10, 12))
    fact = {
        "role": "strength" if up else "opportunity", "metric": "meeting", "value": count, "unit": "count",
        "direction": "up" if up else "down", "baseline": usual, "nouns": ["meeting"],
        "phrase": f"you held {count} meetings last week (your {weeks}-week median: {usual})",
    }  # fmt: skip
    turned = "up" if up else "down"
    return Made(fact, (
        f"You held {count} meetings last week, against a {weeks}-week median of {usual}.",
        f"Last week you held {count} meetings; your {weeks}-week median is {usual}.",
        f"Your meetings came to {count} last week, {turned} from a {weeks}-week median of {usual}.",
        f"You held {word(count)} meetings last week.",
        f"Meetings {'rose' if up else 'fell'} to {count} last week.",
        f"With {count} meetings last week, you were {'above' if up else 'below'} your {weeks}-week median of {usual}.",
    ))  # fmt: skip


def calls(dice: random.Random) -> Made:
    usual = dice.randint(20, 60)
    count = usual + dice.randint(-1, 1)
    fact = {
        "role": "context", "metric": "call", "value": count, "unit": "count", "direction": "flat", "baseline": usual,
        "nouns": ["call"], "phrase": f"you logged {count} calls last week (your usual: {usual})",
    }  # fmt: skip
    return Made(fact, (
        f"You logged {count} calls last week, compared with your usual {usual}.",
        f"Calls were steady at {count} last week.",
        f"Last week you logged {count} calls.",
    ))  # fmt: skip


def no_step(dice: random.Random) -> Made:
    count = dice.randint(2, 14)
    fact = {
        "role": "opportunity", "metric": "next_step", "value": count, "unit": "count",
        "nouns": ["next step", "open deal"],
        "phrase": f"{count} open deals have no next step",
    }  # fmt: skip
    return Made(fact, (
        f"There are {count} open deals without a next step.",
        f"{count} of your open deals have no next step.".replace(f"{count} of your", f"{count}"),
        f"{word(count).capitalize()} open deals have no next step.",
        f"You have {count} open deals with no next step.",
        f"{count} open deals still lack a next step.",
        f"A next step is missing in {count} open deals.",
    ))  # fmt: skip


def win_rate(dice: random.Random) -> Made:
    closed = dice.randint(20, 70)
    won = dice.randint(5, closed - 5)
    share = round(100 * won / closed)
    days = dice.choice((60, 90, 180))
    fact = {
        "role": "context", "metric": "win_rate", "value": share, "unit": "pct", "nouns": ["win rate", "closed deal"],
        "phrase": f"your win rate over the last {days} days is {share}% ({won} of {closed} closed deals)",
    }  # fmt: skip
    return Made(fact, (
        f"Over the last {days} days your win rate is {share}%.",
        f"Your win rate stands at {share}% over the last {days} days, {won} of {closed} closed deals.",
        f"Your win rate is {share} percent ({won} of {closed} closed deals).",
    ))  # fmt: skip


def rate_moved(dice: random.Random) -> Made:
    before = dice.randint(15, 50)
    change = dice.choice((-9, -6, -4, 4, 6, 9))
    after = before + change
    up = change > 0
    verb, turned = ("rose", "up") if up else ("fell", "down")
    fact = {
        "role": "strength" if up else "opportunity", "metric": "conversion", "value": after, "unit": "pct",
        "direction": "up" if up else "down", "nouns": ["conversion rate"],
        "phrase": f"your conversion rate {verb} from {before}% to {after}% ({turned} {abs(change)} percentage points)",
    }  # fmt: skip
    return Made(fact, (
        f"Your conversion rate {verb} from {before}% to {after}%.",
        f"Your conversion rate is {turned} {abs(change)} percentage points, from {before}% to {after}%.",
        f"The conversion rate moved from {before}% to {after}%.",
    ))  # fmt: skip


def pipeline(dice: random.Random) -> Made:
    change = dice.randint(4, 60) * 1_000
    total = dice.randint(150, 900) * 1_000
    money = dice.choice(tuple(SYMBOLS))
    up = dice.random() < 0.5
    fact = {
        "role": "context", "metric": "pipeline", "value": change if up else -change, "unit": money,
        "direction": "up" if up else "down", "nouns": ["pipeline"],
        "phrase": f"your open pipeline {'grew' if up else 'fell'} by {change:,} {money} last week to {total:,} {money}",
    }  # fmt: skip
    verb = "grew" if up else "shrank"
    return Made(fact, (
        f"Your open pipeline {verb} by {change:,} {money} last week.",
        f"Last week your open pipeline {verb} by {SYMBOLS[money]}{change:,} to {SYMBOLS[money]}{total:,}.",
        f"Your open pipeline is {total:,} {money}, {'up' if up else 'down'} {change:,} {money} last week.",
    ))  # fmt: skip


def response(dice: random.Random) -> Made:
    hours, usual = dice.randint(2, 9), dice.randint(12, 30)
    fact = {
        "role": "strength", "metric": "response_time", "value": hours, "unit": "hours", "direction": "down",
        "baseline": usual,
        "nouns": ["response time", "new lead"],
        "phrase": f"your response time to new leads was {hours} hours last week (your 6-week median: {usual} hours)",
    }  # fmt: skip
    return Made(fact, (
        f"Last week your response time to new leads was {hours} hours.",
        f"Your response time to new leads was {hours} hours, against a 6-week median of {usual} hours.",
        f"Your response time to new leads fell to {hours} hours last week.",
    ))  # fmt: skip


def silent(dice: random.Random) -> Made:
    days, worth = dice.randint(15, 60), dice.randint(9, 180) * 1_000
    money = dice.choice(tuple(SYMBOLS))
    fact = {
        "role": "action", "metric": "activity", "value": days, "unit": "days", "nouns": ["activity"], "entity": "?",
        "phrase": f"{{X}} ({worth:,} {money}) has had no activity for {days} days",
    }  # fmt: skip
    return Made(fact, (
        f"{{X}} has had no activity for {days} days.",
        f"There has been no activity on {{X}} for {days} days.",
        f"{{X}}, worth {worth:,} {money}, has had no activity for {days} days.",
        f"For {days} days there has been no activity on {{X}} ({SYMBOLS[money]}{worth:,}).",
    ))  # fmt: skip


def due(dice: random.Random) -> Made:
    day, month = dice.randint(1, 28), dice.choice(MONTHS)
    fact = {
        "role": "action", "metric": "due_to_close", "value": None, "unit": "date", "nouns": ["due to close"],
        "entity": "?",
        "dates": [f"{day} {month}"], "phrase": f"{{X}} is due to close on {day} {month} with no meeting booked",
    }  # fmt: skip
    return Made(fact, (
        f"{{X}} is due to close on {month} {day}, with no meeting booked.",
        f"No meeting is booked with {{X}}, which is due to close on {day} {month}.",
        f"{{X}} is due to close on {day} {month[:3]} and has no meeting booked.",
    ))  # fmt: skip


def aged(dice: random.Random) -> Made:
    days, usual = dice.randint(30, 90), dice.randint(8, 25)
    stage = dice.choice(("Proposal", "Negotiation", "Discovery", "Qualified"))
    fact = {
        "role": "action", "metric": "stage_age", "value": days, "unit": "days", "direction": "up", "baseline": usual,
        "nouns": ["stage", stage], "entity": "?",
        "phrase": f"{{X}} has been in {stage} for {days} days (your median: {usual} days)",
    }  # fmt: skip
    return Made(fact, (
        f"{{X}} has been in {stage} for {days} days.",
        f"{{X}} has been in {stage} for {days} days, against your median of {usual} days.",
        f"For {days} days {{X}} has been in {stage}.",
    ))  # fmt: skip


def overdue(dice: random.Random) -> Made:
    count, worth = dice.randint(2, 9), dice.randint(20, 400) * 1_000
    money = dice.choice(tuple(SYMBOLS))
    fact = {
        "role": "opportunity", "metric": "overdue", "value": count, "unit": "count", "nouns": ["close date", "deal"],
        "phrase": f"{count} deals worth {worth:,} {money} are past their close date",
    }  # fmt: skip
    return Made(fact, (
        f"{count} deals are past their close date.",
        f"{word(count).capitalize()} deals, worth {worth:,} {money}, are past their close date.",
        f"There are {count} deals past their close date.",
    ))  # fmt: skip


def gap(dice: random.Random) -> Made:
    day, month = dice.randint(1, 28), dice.choice(MONTHS)
    fact = {
        "role": "caveat", "metric": "sync", "value": None, "unit": "date", "nouns": ["sync", "data gap"],
        "dates": [f"{day} {month}"],
        "phrase": f"email sync was last run on {day} {month}, so this may be a data gap",
    }  # fmt: skip
    return Made(fact, (
        f"The email sync was last run on {day} {month}, so this may be a data gap.",
        f"Email sync was last run on {month} {day}; this may be a data gap.",
    ))  # fmt: skip


def few(dice: random.Random) -> Made:
    count = dice.randint(1, 4)
    fact = {
        "role": "caveat", "metric": "sample", "value": count, "unit": "count", "nouns": ["closed", "win rate"],
        "phrase": f"only {count} deal{'s' if count > 1 else ''} closed this quarter, too few for a win rate",
    }  # fmt: skip
    return Made(
        fact, (f"Only {count} deal{'s' if count > 1 else ''} closed this quarter, which is too few for a win rate.",)
    )


GENERAL: tuple[Callable[[random.Random], Made], ...] = (
    meetings,
    calls,
    no_step,
    win_rate,
    rate_moved,
    pipeline,
    response,
    overdue,
)
OF_DEALS: tuple[Callable[[random.Random], Made], ...] = (silent, due, aged)
CAVEATS: tuple[Callable[[random.Random], Made], ...] = (gap, few)


@dataclass(frozen=True)
class World:
    """A pack as a file holds it, with true sentences for each fact."""

    pack: dict[str, Any]
    made: tuple[Made, ...]

    def of(self, *roles: str) -> list[Made]:
        return [one for one in self.made if one.fact["role"] in roles]


def world(seed: int) -> World:
    """Facts of one note: two to three of the rep's own, one or two of deals, sometimes a caveat."""
    dice = random.Random(seed)
    names = dice.sample(COMPANIES, 3)
    chosen = [maker(dice) for maker in dice.sample(GENERAL, dice.choice((2, 3)))]
    for number, maker in enumerate(dice.sample(OF_DEALS, dice.choice((1, 2)))):
        chosen.append(_named(maker(dice), f"D{number + 1}", names[number]))
    if dice.random() < 0.4:
        chosen.append(dice.choice(CAVEATS)(dice))
    made = tuple(one.with_id(f"F{number}") for number, one in enumerate(chosen, start=1))
    pack = {
        "note_for": "rep", "facts": [one.fact for one in made], "other_names": dice.sample(PEOPLE, 3),
        "untrusted_text": [],
        "entities": [{"id": f"D{number}", "name": name} for number, name in enumerate(names, start=1)],
    }  # fmt: skip
    return World(pack, made)


def _named(made: Made, entity: str, name: str) -> Made:
    fact = {**made.fact, "entity": entity, "phrase": made.fact["phrase"].replace("{X}", name)}
    return Made(fact, tuple(one.replace("{X}", name) for one in made.said))
