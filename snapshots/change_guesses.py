"""What is what, when an organization changes its CRM: guesses with the reason for each, for a person to confirm. Pure.

Owners are the same by e-mail, else by name; pipelines and stages by name, else by place; deals by what agrees of name,
company or contact, day of creation and amount. One of ours is guessed for one of theirs at most.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.records import Kind

Key = str | int
CLOSE_IN_TIME = timedelta(days=3)
MOST_ALIKE = 60
"""A name or company that so many deals share says nothing about which of them is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An owner, team, pipeline or stage. key: our id, or the CRM's. pipeline, status: of a stage."""

    key: Key
    name: str | None = None
    email: str | None = None
    position: int = 0
    pipeline: Key | None = None
    status: str = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """ours: None where nothing fits. why: in words, for both."""

    ours: int | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DealFacts:
    """What a deal is recognised by. company: name or domain. people: e-mail addresses of its contacts."""

    key: Key
    name: str | None
    status: str
    amount_minor: int | None
    currency: str | None
    created_at: datetime | None
    company: str | None = None
    domain: str | None = None
    people: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class DealGuess:
    """grade: how many of the four agree."""

    theirs: str
    ours: int
    grade: int
    why: str


def plain(text: str | None) -> str:
    """A name without case, accents and punctuation."""
    bare = unicodedata.normalize("NFKD", (text or "").casefold())
    return re.sub(r"[\W_]+", " ", "".join(c for c in bare if not unicodedata.combining(c))).strip()


def items(kind: Kind, theirs: Sequence[Item], ours: Sequence[Item]) -> dict[str, Guess]:
    """Of owners, teams or pipelines, by the CRM's ids."""
    nothing = f"No {kind.value} of this name here"
    ways: list[tuple[str, Callable[[Item], str]]] = [("Same name", lambda one: plain(one.name))]
    if kind is Kind.OWNER:
        nothing = "Nobody here has this e-mail address or name"
        ways.insert(0, ("Same e-mail address", lambda one: (one.email or "").strip().casefold()))
    found = _by_ways(theirs, ours, ways)
    if kind is Kind.PIPELINE:
        _by_elimination(found, theirs, ours, "The only pipeline left on both sides")
    return {str(one.key): found.get(str(one.key), Guess(ours=None, why=nothing)) for one in theirs}


def stages(theirs: Sequence[Item], ours: Sequence[Item], pipelines: Mapping[str, int | None]) -> dict[str, Guess]:
    """Within the pipelines that are taken to be the same; a stage of open deals is never one of closed deals."""
    found: dict[str, Guess] = {}
    for pipeline in dict.fromkeys(one.pipeline for one in theirs):
        same = pipelines.get(str(pipeline))
        for status in ("open", "won", "lost"):
            mine = [one for one in theirs if one.pipeline == pipeline and one.status == status]
            known = [one for one in ours if one.pipeline == same and one.status == status] if same is not None else []
            found |= _of_one_status(mine, known, status, is_new=same is None)
    return found


def _of_one_status(theirs: Sequence[Item], ours: Sequence[Item], status: str, *, is_new: bool) -> dict[str, Guess]:
    found = _by_ways(theirs, ours, [("Same name", lambda one: plain(one.name))])
    rest, left = _unmatched(found, theirs, ours)
    if status != "open":
        _by_elimination(found, theirs, ours, f"The only other stage of {status} deals")
    elif rest and len(rest) == len(left):
        for one, other in zip(_in_order(rest), _in_order(left), strict=True):
            place = _in_order(theirs).index(one) + 1
            found[str(one.key)] = Guess(ours=int(other.key), why=f"Same place, {place} of {len(theirs)}")
    nothing = "Its pipeline is new here" if is_new else "No stage of this name or place here"
    return {str(one.key): found.get(str(one.key), Guess(ours=None, why=nothing)) for one in theirs}


def _by_ways(
    theirs: Sequence[Item], ours: Sequence[Item], ways: Iterable[tuple[str, Callable[[Item], str]]]
) -> dict[str, Guess]:
    """By the first way in which exactly one of ours, and one of theirs, has this word."""
    found: dict[str, Guess] = {}
    for why, word in ways:
        rest, left = _unmatched(found, theirs, ours)
        counted = Counter(word(one) for one in rest), Counter(word(one) for one in left)
        by_word = {word(one): int(one.key) for one in left}
        for one in rest:
            key = word(one)
            if key and counted[0][key] == counted[1][key] == 1:
                found[str(one.key)] = Guess(ours=by_word[key], why=why)
    return found


def _by_elimination(found: dict[str, Guess], theirs: Sequence[Item], ours: Sequence[Item], why: str) -> None:
    rest, left = _unmatched(found, theirs, ours)
    if len(rest) == len(left) == 1:
        found[str(rest[0].key)] = Guess(ours=int(left[0].key), why=why)


def _unmatched(
    found: Mapping[str, Guess], theirs: Sequence[Item], ours: Sequence[Item]
) -> tuple[list[Item], list[Item]]:
    taken = {guess.ours for guess in found.values()}
    return [one for one in theirs if str(one.key) not in found], [one for one in ours if one.key not in taken]


def _in_order(items_: Sequence[Item]) -> list[Item]:
    return sorted(items_, key=lambda one: (one.position, str(one.key)))


# --- deals -----------------------------------------------------------------------------------------------------------


def deals(theirs: Sequence[DealFacts], ours: Sequence[DealFacts]) -> list[DealGuess]:
    """The best pairs first; each deal is in one pair at most. A deal that is open there is none that is closed here."""
    pairs = [pair for one, other in _candidates(theirs, ours) if (pair := _graded(one, other)) is not None]
    pairs.sort(key=lambda pair: pair[:3])
    taken: tuple[set[str], set[int]] = (set(), set())
    found = []
    for *_, guess in pairs:
        if guess.theirs not in taken[0] and guess.ours not in taken[1]:
            taken[0].add(guess.theirs)
            taken[1].add(guess.ours)
            found.append(guess)
    return found


def _candidates(theirs: Sequence[DealFacts], ours: Sequence[DealFacts]) -> Iterable[tuple[DealFacts, DealFacts]]:
    index: dict[str, list[DealFacts]] = defaultdict(list)
    for one in ours:
        for word in _words(one):
            index[word].append(one)
    for one in theirs:
        found = {other.key: other for word in _words(one) if len(index.get(word, ())) <= MOST_ALIKE
                 for other in index.get(word, ())}  # fmt: skip
        yield from ((one, other) for other in found.values())


def _words(deal: DealFacts) -> set[str]:
    name, company = plain(deal.name), plain(deal.company)
    words = {f"person {person}" for person in deal.people}
    words |= {f"company {company}"} if company else set()
    words |= {f"domain {deal.domain}"} if deal.domain else set()
    if name:
        # A name that hundreds share is told apart by what else agrees.
        words |= {f"name {name}", f"name {name} of {company}", f"name {name} at {deal.amount_minor}"}
    return words


def _graded(theirs: DealFacts, ours: DealFacts) -> tuple[int, float, str, DealGuess] | None:
    """Less is better: what agrees, then how near in time."""
    if theirs.status == "open" and ours.status != "open":
        return None
    apart = _apart(theirs, ours)
    agrees = {
        "name": bool(plain(theirs.name)) and plain(theirs.name) == plain(ours.name),
        _who(theirs, ours) or "company": _who(theirs, ours) is not None,
        "day of creation": apart is not None and apart <= CLOSE_IN_TIME,
        "amount": theirs.amount_minor is not None
        and (theirs.amount_minor, theirs.currency) == (ours.amount_minor, ours.currency),
    }
    name, who, time, amount = agrees.values()
    if not ((name and (who or (time and amount))) or (who and time and amount)):
        return None
    grade = sum(agrees.values())
    words = [word for word, same in agrees.items() if same]
    why = f"Same {', '.join(words[:-1])} and {words[-1]}"
    guess = DealGuess(theirs=str(theirs.key), ours=int(ours.key), grade=grade, why=why)
    seconds = apart.total_seconds() if apart is not None else 1e12
    return -grade, seconds, f"{theirs.key} {ours.key}", guess


def _who(one: DealFacts, other: DealFacts) -> str | None:
    if one.domain and one.domain == other.domain:
        return "company"
    if plain(one.company) and plain(one.company) == plain(other.company):
        return "company"
    return "contact" if one.people & other.people else None


def _apart(one: DealFacts, other: DealFacts) -> timedelta | None:
    if one.created_at is None or other.created_at is None:
        return None
    return abs(one.created_at - other.created_at)
