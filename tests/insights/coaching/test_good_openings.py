"""What models say around facts and is true of them passes; wording that nobody has seen before often enough."""

from __future__ import annotations

import json
import re

import good_openings
import pytest

from insights.coaching import facts
from insights.coaching.verifier import Verdict, verify

KINDS = {"F1": "strength", "F2": "opportunity", "F3": "summary", "F4": "action", "F5": "action", "F6": "summary"}
MOST_REFUSED = 0.25
"""Of wording that is new to the lists. A refused answer costs a second one, then a template; never a wrong sentence."""


def judged(text: str) -> Verdict:
    """The caveat is there where it is told alone, so that no other sentence leaves it out."""
    cited = re.findall(r"\{(F\d)\}", text)[0]
    rows = [one for one in good_openings.FACTS["facts"] if (one["id"] == "F6") <= (cited == "F6")]
    answer = {"sentences": [{"kind": KINDS[cited], "text": text}]}
    return verify(facts.read({**good_openings.FACTS, "facts": rows}), raw=json.dumps(answer))


def test_openings_that_the_lists_were_mended_by_pass() -> None:
    refused = {one: codes for one in good_openings.TUNED_ON if (codes := judged(one).codes)}
    assert len(good_openings.TUNED_ON) > 400
    assert refused == {}


def test_few_openings_that_are_new_to_the_lists_are_refused() -> None:
    refused = [one for one in good_openings.JUDGED if not judged(one).is_accepted]
    assert len(refused) <= MOST_REFUSED * len(good_openings.JUDGED), refused


@pytest.mark.parametrize("text", good_openings.RIGHTLY_REFUSED)
def test_what_says_more_than_an_opening_is_refused(text: str) -> None:
    assert not judged(text).is_accepted


@pytest.mark.parametrize(
    "text",
    [
        "You plan a meeting with {D2}: {F5}.", "{D2} plans a meeting: {F5}.", "You call {D1} often: {F4}.",
        "{D1} is interested: {F4}.", "{D1} said yes: {F4}.", "{D1} opens the door: {F4}.", "News from {D1}: {F4}.",
        "Prioritize {D2}: {F4}.", "Follow up with {D2} this week: {F4}.", "{D2} soon: {F5}.",
        "A positive trend: {F2}.", "Trend: {F2}.", "Meetings are down: {F1}.", "Win rate is up: {F3}.",
        "Above your own median: {F2}.", "More than usual: {F3}.", "Better than the rest: {F1}.",
        "Right now, {F1}.", "Coming up: {F4}.", "A date to keep in mind: {F2}.", "Third, {F1}.",
        "One of your strengths: {F2}.", "You can be proud: {F2}.", "Let's celebrate: {F4}.", "Worth addressing: {F1}.",
        "Data may be wrong: {F1}.", "The picture may be incomplete: {F2}.", "A win: {F3}.",
        "Let's not book a meeting with {D2}: {F5}.", "Structure is missing: {F2}.",
    ],
)  # fmt: skip
def test_the_words_of_openings_make_no_claim(text: str) -> None:
    assert not judged(text).is_accepted
