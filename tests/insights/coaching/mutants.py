"""Notes with one planted error each, in many kinds and wordings, in prose and in answers with slots.

Each mutant starts from a true note and differs in one thing. Written apart from the verifier's lists.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clean_notes import sentences
from made_facts import COMPANIES, MONTHS, PEOPLE, SYMBOLS, Made, World, word
from planted_words import BESIDE, CLAIMS, DOWNS, FLATS, LEADS, UPS, listed


@dataclass(frozen=True)
class Mutant:
    """kind: of the error. raw or text: the note that has it."""

    kind: str
    raw: str | None = None
    text: str | None = None


Changed = str | None
Change = Callable[[World, Made, str, random.Random], Changed]
"""World, fact, a true sentence of it, dice: the sentence with an error, or None where it has no place for one."""

SHORT_MONTHS = "|".join(month[:3] for month in MONTHS)
FIGURES = re.compile(r"(?<![\w.,-])\d[\d,]*(?:\.\d+)?(?![\w-])")


def _numbers(sentence: str) -> list[re.Match[str]]:
    return [
        hit
        for hit in FIGURES.finditer(sentence)
        if not re.match(rf"\s*(?:{SHORT_MONTHS})", sentence[hit.end() :])
        and not re.search(rf"(?:{SHORT_MONTHS})\w*\s$", sentence[: hit.start()])
    ]


def _put(sentence: str, hit: re.Match[str], new: str) -> str:
    return sentence[: hit.start()] + new + sentence[hit.end() :]


def _pick(dice: random.Random, sentence: str) -> re.Match[str] | None:
    found = _numbers(sentence)
    return dice.choice(found) if found else None


def _used(world: World) -> set[str]:
    return {
        hit[0]
        for one in world.made
        for text in (one.fact["phrase"], *one.said)
        for hit in re.finditer(r"\d[\d,]*", text)
    }


# --- numbers ---------------------------------------------------------------------------------------------------------


def another_number(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    hit = _pick(dice, sentence)
    if hit is None:
        return None
    value = int(hit[0].replace(",", ""))
    for _ in range(20):
        step = dice.choice((1, 2, 3, 5, 10)) * (1_000 if value >= 1_000 else 1)
        new = f"{max(1, value + dice.choice((-1, 1)) * step):,}"
        if new not in _used(world):
            return _put(sentence, hit, new)
    return None


def number_of_another_fact(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    hit = _pick(dice, sentence)
    own = set(re.findall(r"\d[\d,]*", made.fact["phrase"]))
    others = [one for one in _used(world) - own if one != (hit and hit[0])]
    return _put(sentence, hit, dice.choice(sorted(others))) if hit and others else None


def swapped_with_baseline(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    found = _numbers(sentence)
    if made.fact.get("baseline") is None or len(found) < 2 or found[0][0] == found[-1][0]:
        return None
    one, two = found[0], found[-1]
    return sentence[: one.start()] + two[0] + sentence[one.end() : two.start()] + one[0] + sentence[two.end() :]


def number_in_words(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    hit = _pick(dice, sentence)
    told = {word(int(one)) for one in re.findall(r"\d+", made.fact["phrase"]) if int(one) < 16} | set(
        re.findall(r"\d+", made.fact["phrase"])
    )
    words = {
        "seventeen": "17",
        "twenty-two": "22",
        "thirty-four": "34",
        "forty": "40",
        "fifty-one": "51",
        "a dozen": "12",
        "two dozen": "24",
        "a hundred": "100",
        "eighteen": "18",
    }
    wrong = dice.choice([one for one, value in words.items() if value not in told])
    return _put(sentence, hit, wrong) if hit else None


def multiplied(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    noun = made.fact["nouns"][0]
    claim = dice.choice(
        (
            f"You doubled your {noun}s",
            f"That is twice your usual {noun}s",
            f"Your {noun} is three times what it was",
            f"A threefold {noun}",
            f"Your {noun}s tripled",
            f"Your {noun} has halved",
            f"That makes it a 2x {noun}",
            f"Double the {noun}s",
        )
    )
    return f"{claim}: {sentence[0].lower() if not made.fact.get('entity') else sentence[0]}{sentence[1:]}"


def a_fraction(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    noun = made.fact["nouns"][-1]
    return dice.choice(
        (
            f"Roughly a third of your {noun}s are affected.",
            f"About half of the {noun}s stand out.",
            f"Two thirds of your {noun}s look fine.",
            f"A quarter of the {noun}s count here.",
            f"3/4 of your {noun}s are in view.",
            f"One in three {noun}s is here.",
        )
    )


def an_ordinal(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    noun = made.fact["nouns"][0]
    lead = dice.choice(listed("This is your fifth; It is the third; That was your 4th; Here is your second"))
    return f"{lead} {noun} in a row."


def a_range(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    hit = _pick(dice, sentence)
    if hit is None:
        return None
    value = int(hit[0].replace(",", ""))
    low = max(1, value - dice.randint(2, 4))
    return _put(
        sentence,
        hit,
        dice.choice(
            (f"{low:,}-{hit[0]}", f"{low:,} to {hit[0]}", f"between {low:,} and {hit[0]}", f"{hit[0]} or more")
        ),
    )


def rounded(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    hit = _pick(dice, sentence)
    if hit is None:
        return None
    value = int(hit[0].replace(",", ""))
    near = round(value, -len(str(value)) + 1) or value
    return _put(
        sentence,
        hit,
        dice.choice(
            (
                f"about {near:,}",
                f"nearly {hit[0]}",
                f"almost {near:,}",
                f"over {hit[0]}",
                f"roughly {near:,}",
                f"some {near:,}",
                f"at least {hit[0]}",
                f"around {hit[0]}",
            )
        ),
    )


def another_unit(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    swaps = {
        "days": ("weeks", "hours", "months"),
        "day": ("week",),
        "hours": ("days", "minutes"),
        "week": ("month", "day"),
        "%": (" percentage points", " points", " deals", ""),
        "percent": ("points",),
        "percentage points": ("percent", "%"),
    }
    there = [one for one in swaps if re.search(rf"\d(?: |-)?{re.escape(one)}(?!\w)", sentence)]
    if not there:
        return None
    unit = max(there, key=len) if "percentage points" in there else dice.choice(there)
    return re.sub(
        rf"(\d(?: |-)?){re.escape(unit)}(?!\w)",
        lambda hit: hit[1].rstrip() + (dice.choice(swaps[unit]) if unit == "%" else " " + dice.choice(swaps[unit])),
        sentence,
        count=1,
    )


def another_currency(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    codes = [one for one in SYMBOLS if re.search(rf"\d {one}", sentence)]
    signs = [sign for sign in SYMBOLS.values() if sign in sentence]
    if codes:
        others = [one for one in ("USD", "EUR", "GBP", "CHF", "JPY") if one != codes[0]]
        return re.sub(
            rf"([\d,]+) {codes[0]}",
            lambda hit: dice.choice(
                (
                    f"{hit[1]} {dice.choice(others)}",
                    f"{SYMBOLS.get(dice.choice(others), '¥')}{hit[1]}" if codes[0] == "USD" else f"{hit[1]} yen",
                    hit[1],
                )
            ),
            sentence,
            count=1,
        )
    return (
        sentence.replace(signs[0], dice.choice([one for one in ("$", "€", "£", "¥") if one != signs[0]]))
        if signs
        else None
    )


# --- days ------------------------------------------------------------------------------------------------------------

DAY_OF_MONTH = re.compile(rf"(\d{{1,2}}) ({'|'.join(MONTHS)}|{SHORT_MONTHS})(?!\w)|({'|'.join(MONTHS)}) (\d{{1,2}})")


def another_date(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    hit = DAY_OF_MONTH.search(sentence)
    if hit is None:
        return None
    day, month = int(hit[1] or hit[4]), hit[2] or hit[3]
    other = dice.choice([one for one in range(1, 29) if one != day])
    elsewhere = dice.choice([one for one in MONTHS if not one.startswith(month[:3])])
    number = 1 + next(
        at
        for at, one in enumerate(
            (
                "January",
                "February",
                "March",
                "April",
                "May",
                "June",
                "July",
                "August",
                "September",
                "October",
                "November",
                "December",
            )
        )
        if one.startswith(month[:3])
    )
    spelled = {1: "first", 2: "second", 3: "third", 5: "fifth", 12: "twelfth", 20: "twentieth", 21: "twenty-first"}
    odd = dice.choice([one for one in spelled if one != day])
    return _put(
        sentence,
        hit,
        dice.choice(
            (
                f"{other} {month}",
                f"{day} {elsewhere}",
                f"the {other}th of {month}",
                f"{elsewhere} {day}",
                f"2026-{number:02d}-{other:02d}",
                f"the {spelled[odd]} of {month}",
                f"{month} {other}",
                f"a {dice.choice(('Monday', 'Friday', 'Tuesday'))} in {elsewhere}",
                f"mid-{elsewhere}",
                f"{day} {month} 2019",
            )
        ),
    )


def another_time(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    if re.search("last week", sentence, re.IGNORECASE):
        return re.sub(
            "[Ll]ast week",
            lambda hit: dice.choice(
                (
                    "this week",
                    "last month",
                    "yesterday",
                    "the week before last",
                    "last quarter",
                    "two weeks ago",
                    "this morning",
                    "over the weekend",
                    "in the past month",
                    "this year",
                )
            ),
            sentence,
            count=1,
        )
    if "this quarter" in sentence:
        return sentence.replace("this quarter", dice.choice(("last quarter", "this year", "this week")))
    return re.sub(
        r"\.$",
        dice.choice(
            (
                " since last month.",
                " as of yesterday.",
                " since Monday.",
                " this quarter.",
                " since early spring.",
                " in Q2.",
                " two weeks ago.",
                " since 2024.",
                " by Friday.",
                " today.",
            )
        ),
        sentence,
    )


# --- names -----------------------------------------------------------------------------------------------------------


def another_deal(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    own = _name(world, made)
    others = [one["name"] for one in world.pack["entities"] if one["name"] != own]
    return (
        sentence.replace(own, dice.choice((dice.choice(others), dice.choice(others).split()[0])))
        if own and own in sentence
        else None
    )


def _name(world: World, made: Made) -> str | None:
    return next((one["name"] for one in world.pack["entities"] if one["id"] == made.fact.get("entity")), None)


def an_unknown_name(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    own = _name(world, made)
    if not own or own not in sentence:
        return None
    known = {one["name"] for one in world.pack["entities"]}
    fresh = dice.choice([one for one in COMPANIES if one not in known])
    return sentence.replace(
        own,
        dice.choice(
            (
                fresh,
                f"{own.split()[0]} Holdings",
                f"{own} Ltd",
                fresh.split()[0],
                f"Nordic {own.split()[-1]}",
                own[:-1],
                "Acme",
            )
        ),
    )


def a_deal_for_all(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    if made.fact.get("entity"):
        return None
    name = world.pack["entities"][-1]["name"]
    return dice.choice(
        (
            f"At {name}, {sentence[0].lower()}{sentence[1:]}",
            f"{name}: {sentence[0].lower()}{sentence[1:]}",
            re.sub(r"\.$", f" at {name}.", sentence),
            re.sub(r"\.$", f", mainly {name}.", sentence),
        )
    )


def another_person(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    who = dice.choice((*world.pack["other_names"], *PEOPLE, "Dieter", "Ms Okafor", "Sam"))
    if re.search(r"\byou held\b|\byou logged\b", sentence, re.IGNORECASE) and dice.random() < 0.5:
        return re.sub(r"\b[Yy]ou (held|logged)", rf"{who} \1", sentence, count=1)
    return dice.choice(
        (
            f"{who} says hello: {sentence}",
            re.sub(r"\.$", f", as {who} knows.", sentence),
            f"Ask {who}: {sentence}",
            re.sub(r"\.$", f" ({who}).", sentence),
            f"Dear {who}, {sentence}",
        )
    )


# --- what is said of it ----------------------------------------------------------------------------------------------


def another_noun(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    for one, others in (
        ("meeting", ("demo", "call", "visit", "proposal")),
        ("calls", ("meetings", "emails", "demos")),
        ("Calls", ("Meetings", "Emails")),
        ("next step", ("owner", "budget", "decision maker", "contract")),
        ("win rate", ("conversion rate", "close rate", "response rate", "hit rate")),
        ("conversion rate", ("win rate", "renewal rate")),
        ("pipeline", ("forecast", "quota", "revenue")),
        ("response time", ("sales cycle", "travel time")),
        ("activity", ("budget", "payment", "interest")),
        ("close date", ("renewal date", "start date")),
        ("due to close", ("due to renew", "due to churn")),
        ("open deals", ("leads", "accounts", "contacts")),
        ("deals", ("leads", "contacts")),
    ):
        if re.search(rf"\b{one}s?\b", sentence, re.IGNORECASE) and dice.random() < 0.8:
            return re.sub(rf"\b{one}(?=s?\b)", dice.choice(others), sentence, count=1, flags=re.IGNORECASE)
    return None


def another_direction(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    way = made.fact.get("direction")
    wrong = {"up": DOWNS + FLATS, "down": UPS + FLATS, "flat": UPS + DOWNS}.get(way or "", UPS + DOWNS)
    noun = made.fact["nouns"][0]
    subject = _name(world, made) or f"Your {noun}{'s' if noun in {'meeting', 'call', 'open deal'} else ''}"
    shape = dice.random()
    if shape < 0.5:
        return f"{subject} {dice.choice(wrong)}{' last week' if 'last week' in made.fact['phrase'] else ''}."
    return f"{subject} {dice.choice(wrong)}: {made.fact['phrase']}."


def denied(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    for old, new in (
        ("have no next step", ("have a next step", "all have a next step", "have a clear next step")),
        ("without a next step", ("with a next step",)),
        ("with no next step", ("with a next step",)),
        ("still lack a next step", ("have a next step", "do not lack a next step")),
        ("A next step is missing in", ("A next step is set in",)),
        ("has had no activity for", ("has had activity for", "has been active for", "has had regular activity for")),
        ("has been no activity on", ("has been activity on",)),
        ("no meeting booked", ("a meeting booked", "the meeting booked")),
        ("No meeting is booked", ("A meeting is booked",)),
        ("is due to close", ("is not due to close", "was closed")),
        ("You held", ("You did not hold", "You never held")),
        ("you held", ("you did not hold",)),
        ("You logged", ("You did not log",)),
        ("is past", ("is not past",)),
        ("are past their", ("are not past their", "are well before their")),
        ("has been in", ("has not been in", "has never been in")),
        ("stands at", ("does not stand at",)),
        ("win rate is", ("win rate is not",)),
        ("may be a data gap", ("is not a data gap", "is no data gap", "is a data gap")),
        ("so this may", ("so this can not",)),
        ("too few for", ("enough for", "plenty for")),
        ("was last run", ("was not run",)),
        ("response time to new leads was", ("response time to new leads was not",)),
    ):
        if old in sentence:
            return sentence.replace(old, dice.choice(new), 1)
    return None


ZERO_WIDTH, RLO, SOFT = "\u200b", "\u202e", "\u00ad"


def claimed(kind: str) -> Change:
    def change(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
        claim = dice.choice(CLAIMS[kind])
        inside = f"{sentence[0].lower() if not made.fact.get('entity') else sentence[0]}{sentence[1:]}"
        return dice.choice(
            (
                re.sub(r"\.$", f", {claim}.", sentence),
                f"{claim[0].upper()}{claim[1:]}: {inside}",
                f"{sentence} {claim[0].upper()}{claim[1:]}.",
                re.sub(r"\.$", f" - {claim}.", sentence),
                re.sub(r"\.$", f" ({claim}).", sentence),
            )
        )

    return change


def invisible(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    at = dice.randrange(1, len(sentence) - 1)
    return dice.choice(
        (
            sentence[:at] + dice.choice((ZERO_WIDTH, RLO, SOFT, "\u2066", "\ufeff", "\u034f")) + sentence[at:],
            sentence.replace("e", "е", 1),
            sentence.replace("o", "ο", 1),
            sentence.replace("a", "а", 1),
            re.sub(r"\d", lambda hit: chr(0xFF10 + int(hit[0])), sentence, count=1)
            if re.search(r"\d", sentence)
            else sentence[:at] + ZERO_WIDTH + sentence[at:],
        )
    )


def repeated(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    phrase = f"{made.fact['phrase'][0].upper()}{made.fact['phrase'][1:]}."
    return f"{sentence} {dice.choice((sentence, 'Good to see, good to see, good to see.', f'{phrase} {phrase}'))}"


def uncited(world: World, made: Made, sentence: str, dice: random.Random) -> Changed:
    return f"{sentence} " + dice.choice(
        listed("""
        Have a lovely weekend.; Keep an eye on the market.; Selling is a craft.; The new pricing page is live.;
        Your manager asked about you.; The quarter ends soon.; Good luck out there.; Customers like quick answers.;
        Great work.; Remember to update the CRM.
    """)
    )


NUMBERS: dict[str, Change] = {
    "another number": another_number,
    "number of another fact": number_of_another_fact,
    "swapped with baseline": swapped_with_baseline,
    "number in words": number_in_words,
    "multiplier": multiplied,
    "fraction": a_fraction,
    "ordinal": an_ordinal,
    "range": a_range,
    "rounding": rounded,
    "unit": another_unit,
    "currency": another_currency,
}
DATES: dict[str, Change] = {"date": another_date, "relative date": another_time}
NAMES: dict[str, Change] = {
    "another deal": another_deal,
    "unknown name": an_unknown_name,
    "deal for all": a_deal_for_all,
    "another person": another_person,
}
OTHERS: dict[str, Change] = {
    "noun": another_noun,
    "direction": another_direction,
    "polarity": denied,
    **{kind: claimed(kind) for kind in CLAIMS},
    "invisible": invisible,
    "repetition": repeated,
    "uncited": uncited,
}
EXACT = {*NUMBERS, *DATES, *NAMES}
"""Wrong numbers, names, dates and units."""
CHANGES = {**NUMBERS, **DATES, **NAMES, **OTHERS}


def in_prose(world: World, seed: int) -> Iterator[Mutant]:
    """One mutant of each kind that the world has a place for, and one without its caveat."""
    dice = random.Random(seed)
    clean = sentences(world, seed)
    for kind, change in CHANGES.items():
        places = list(range(len(clean)))
        dice.shuffle(places)
        for at in places:
            made = world.made[at]
            sentence = dice.choice(
                (clean[at], dice.choice(made.said), f"{made.fact['phrase'][0].upper()}{made.fact['phrase'][1:]}.")
            )
            wrong = change(world, made, sentence, dice)
            if wrong and wrong != sentence:
                yield Mutant(kind, text=" ".join([*clean[:at], wrong, *clean[at + 1 :]]))
                break
    caveats = [at for at, made in enumerate(world.made) if made.fact["role"] == "caveat"]
    if caveats:
        yield Mutant("missing caveat", text=" ".join(one for at, one in enumerate(clean) if at not in caveats))


# --- answers with slots ----------------------------------------------------------------------------------------------

SAID = {**CLAIMS, **BESIDE}


def with_slots(world: World, seed: int) -> Iterator[Mutant]:
    """One mutant of each kind beside a slot, and those of slots themselves."""
    dice = random.Random(seed)
    for kind, words in SAID.items():
        parts = _clean_parts(world, dice)
        at = dice.randrange(len(parts))
        if kind == "direction" and world.made[at].fact.get("direction"):
            at = next((place for place, one in enumerate(world.made) if not one.fact.get("direction")), -1)
        if at < 0:
            continue
        claim = (
            dice.choice(words).format(n=dice.randint(2, 99), w=word(dice.randint(2, 15)))
            if kind == "number"
            else dice.choice(words)
        )
        if claim.lower() in world.made[at].fact["phrase"].lower():
            continue  # it is true of this fact
        slot = f"{{{world.made[at].fact['id']}}}"
        parts[at]["text"] = dice.choice(
            (
                f"{claim[0].upper()}{claim[1:]}: {slot}.",
                f"{slot}, {claim}.",
                f"{claim[0].upper()}{claim[1:]}, {slot}.",
                f"{slot} - {claim}.",
                f"Please note, {claim}: {slot}.",
                f"{slot} ({claim}).",
            )
        )
        yield Mutant(f"L2 {kind}", raw=json.dumps({"sentences": parts}, ensure_ascii=False))
    yield from _of_slots(world, dice)


def _clean_parts(world: World, dice: random.Random) -> list[dict[str, str]]:
    return [
        {
            "kind": {"context": "summary", "caveat": "summary"}.get(one.fact["role"], one.fact["role"]),
            "text": f"{dice.choice(LEADS[one.fact['role']])}: {{{one.fact['id']}}}.",
        }
        for one in world.made
    ]


def _of_slots(world: World, dice: random.Random) -> Iterator[Mutant]:
    def mutant(kind: str, change: Callable[[list[dict[str, str]]], None]) -> Mutant:
        parts = _clean_parts(world, dice)
        change(parts)
        return Mutant(f"L2 {kind}", raw=json.dumps({"sentences": parts}))

    slot = f"{{{world.made[0].fact['id']}}}"
    stranger = next(one["id"] for one in reversed(world.pack["entities"]))
    yield mutant("unknown slot", lambda parts: parts[0].update(text=f"{parts[0]['text'][:-1]} and {{F99}}."))
    yield mutant("another deal", lambda parts: parts[0].update(text=f"At {{{stranger}}}: {slot}."))
    yield mutant(
        "glued",
        lambda parts: parts[0].update(
            text=dice.choice(
                (f"{slot}%.", f"${slot}.", f"{slot}k.", f"-{slot}.", f"1{slot}.", f"{slot}s.", f"~{slot}.")
            )
        ),
    )
    yield mutant(
        "uncited",
        lambda parts: parts.append(
            {"kind": "summary", "text": dice.choice(("Good work.", "Keep going.", "Please take a look."))}
        ),
    )
    yield mutant("repeated", lambda parts: parts.append(dict(parts[0])))
    yield mutant(
        "schema", lambda parts: parts[0].update(dice.choice(({"kind": "verdict"}, {"score": "9"}, {"text": ""})))
    )
    bad = next((one for one in world.made if one.fact["role"] == "opportunity"), None)
    if bad is not None:
        at = world.made.index(bad)
        yield mutant(
            "praise",
            lambda parts: parts[at].update(
                text=dice.choice(
                    (
                        f"Great work: {{{bad.fact['id']}}}.",
                        f"Well done: {{{bad.fact['id']}}}.",
                        f"{{{bad.fact['id']}}}, nice.",
                        f"A strong result: {{{bad.fact['id']}}}.",
                    )
                )
            ),
        )
        yield mutant("kind", lambda parts: parts[at].update(kind="strength", text=f"{{{bad.fact['id']}}}."))
    caveats = [at for at, made in enumerate(world.made) if made.fact["role"] == "caveat"]
    if caveats:
        yield mutant("missing caveat", lambda parts: parts.pop(caveats[0]) and None)
