"""What flags say in words: why a deal was flagged, by which limit, what that rests on, and how often it came true."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from insights import formats
from insights.health.rules import OUTCOMES, RULES
from insights.health.track_record import FOLLOWED_DAYS, Fate, HitRate, Share

_GROUPS: Final = {"stage": "won deals in this stage", "product": "won deals of the product",
                  "pipeline": "won deals of the pipeline", "all": "won deals"}  # fmt: skip
_TOO_FEW: Final = "too few won deals say what is usual"
_DAYS_GONE_BY: Final = frozenset({"stale", "slow_stage", "no_next_step"})
"""Rules whose value is a number of days that grows by one a day."""


def reason(rule: str, evidence: Mapping[str, Any]) -> str:
    """Why a flag was raised: "Nothing for 61 days; 99 of 100 won deals of the pipeline went without for at most 28 (n
    1,207)". A rule that there is no more is only named."""
    if rule not in _REASONS:
        return title(rule)
    return _REASONS[rule](evidence)


def in_short(rule: str, evidence: Mapping[str, Any]) -> str:
    """The same without the limit: "Nothing for 61 days"."""
    return reason(rule, evidence).partition(";")[0]


def on_day(flag: Mapping[str, Any], day: date) -> tuple[Mapping[str, Any], str]:
    """What a listed flag (`snapshots.health_rows.FLAGGED`) says on a judged day on which it stood, and words for the
    day of which that is, " on 25 Oct 2026"; "" where it is of the day itself. Kept are its first day and its last
    alone: between them days are counted on, where both ends agree, and all else is as it was at first. A day that is
    judged before its evening counts one less."""
    shown, seen, last = flag["evidence"], date.fromisoformat(flag["evidence_on"]), date.fromisoformat(flag["last_day"])
    if seen == day or shown == flag["latest"]:
        return shown, ""
    if flag["rule"] in _DAYS_GONE_BY and 0 <= (last - seen).days - (flag["latest"]["value"] - shown["value"]) <= 1:
        return {**shown, "value": shown["value"] + (day - seen).days}, ""
    return shown, f" on {formats.day(seen)}"


def title(rule: str) -> str:
    """The rule's name on pages; of one that there is no more, its key."""
    return RULES[rule].title if rule in RULES else rule.replace("_", " ").capitalize()


def definition(rule: str) -> str:
    """What is flagged, and what counts as having come true."""
    _, meant = OUTCOMES[RULES[rule].outcome]
    return f"{RULES[rule].definition} It came true where: {meant[0].lower()}{meant[1:]}"


def record(rule: str, rate: HitRate | None) -> str:
    """How often its flags came true: "20 of 24 lost or slipped (64–93 %), of others 77 %"."""
    if rate is None or not rate.flagged.n:
        return f"No record yet: a flag has {FOLLOWED_DAYS} days to come true."
    word, _ = OUTCOMES[RULES[rule].outcome]
    said = f"{formats.count(rate.flagged.n_true)} of {formats.count(rate.flagged.n)} {word}{_interval(rate.flagged)}"
    if rate.others.rate is None or rate.flagged.interval is None:
        return said
    low, high = rate.flagged.interval
    is_chance = low <= rate.others.rate <= high
    return f"{said}; of others {_percent(rate.others.rate)}{', no clear difference' if is_chance else ''}"


FATES: Final[Mapping[str, str]] = {
    Fate.WON: "Won",
    Fate.WON_EARLY: "Won early",
    Fate.WON_FOR_MORE: "Won for more",
    Fate.WON_LATE: "Won after its close date",
    Fate.LOST: "Lost",
    Fate.SLIPPED: "Not won by its close date",
    Fate.OPEN: f"Still open after {FOLLOWED_DAYS} days",
}
"""What became of a flagged deal."""


def _percent(share: float) -> str:
    return f"{share * 100:.0f}{formats.SPACE}%"


def _interval(share: Share) -> str:
    if share.interval is None:
        return ""
    low, high = share.interval
    return f" ({low * 100:.0f}–{high * 100:.0f}{formats.SPACE}%)"


def _rests_on(evidence: Mapping[str, Any]) -> str:
    return f"n {formats.count(evidence['n'])}"


def _than(evidence: Mapping[str, Any], share: str, what: str) -> str:
    """The limit: "nine of ten won deals in this stage stayed for at most 24 (n 1,002)"."""
    limit = formats.count(int(evidence["limit"]))
    if evidence["group"] == "none":
        return f"flagged above {limit}, for {_TOO_FEW}"
    return f"{share} {_GROUPS[evidence['group']]} {what} {limit} ({_rests_on(evidence)})"


def _stale(one: Mapping[str, Any]) -> str:
    return f"Nothing for {formats.plural(one['value'], 'day')}; {_than(one, '99 of 100', 'went without for at most')}"


def _slow_stage(one: Mapping[str, Any]) -> str:
    return f"{formats.plural(one['value'], 'day')} in its stage; {_than(one, 'nine of ten', 'stayed for at most')}"


def _pushed(one: Mapping[str, Any]) -> str:
    by = f" by {formats.plural(one['pushed_days'], 'day')} in all" if one.get("pushed_days") else ""
    times = formats.plural(one["value"], "time")
    return f"Close date put off {times}{by}; {_than(one, '95 of 100', 'were put off at most')}"


def _no_next_step(one: Mapping[str, Any]) -> str:
    paused = _than(one, "nine of ten", "usually paused for at most")
    return f"Nothing planned, and nothing for {formats.plural(one['value'], 'day')}; {paused}"


def _single_threaded(one: Mapping[str, Any]) -> str:
    who = "One contact alone" if one["value"] else "No contact"
    return f"{who}; {_percent(one['limit'])} of {_GROUPS[one['group']]} had two or more ({_rests_on(one)})"


def _amount_drift(one: Mapping[str, Any]) -> str:
    first, now = (formats.money_short(one[name], one["currency"]) for name in ("first_minor", "amount_minor"))
    way = "up to" if one["limit"] >= 0 else "down to"
    usual = f"ordinary for {_GROUPS[one['group']]} is {way} {_signed(one['limit'])} ({_rests_on(one)})"
    if one["limit"] == 0:
        usual = f"{_GROUPS[one['group']]} ordinarily keep theirs ({_rests_on(one)})"
    return f"{first} → {now} ({_signed(one['value'])}); {usual}"


def _signed(share: float) -> str:
    sign = "+" if share > 0 else formats.MINUS if share < 0 else ""
    return f"{sign}{abs(share) * 100:.0f}{formats.SPACE}%"


def _sandbag(one: Mapping[str, Any]) -> str:
    now, usual = (formats.money_short(one[name], one["currency"]) for name in ("amount_minor", "usual_minor"))
    far = formats.plural(one["value"], "day")
    limit = formats.count(int(one["limit"]))
    return (
        f"{now}, and a close date {far} off; a third of such won deals come to less than {usual} "
        f"(n {formats.count(one['n_amounts'])}), and {_GROUPS[one['group']]} ordinarily have at most {limit} to go "
        f"({_rests_on(one)})"
    )


def _happy_ears(one: Mapping[str, Any]) -> str:
    done = formats.plural(one["value"], "activity", "activities")
    left = f"{_percent(one['limit'])} of won deals left this stage with an answer ({_rests_on(one)})"
    return f"{done}, and nothing came in; {left}"


def _second_record(_: Mapping[str, Any]) -> str:
    return "Same company, product, pipeline and amount as a deal that was created up to ten days before"


_REASONS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "stale": _stale,
    "slow_stage": _slow_stage,
    "pushed": _pushed,
    "no_next_step": _no_next_step,
    "single_threaded": _single_threaded,
    "amount_drift": _amount_drift,
    "sandbag": _sandbag,
    "happy_ears": _happy_ears,
    "second_record": _second_record,
}
