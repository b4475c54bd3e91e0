"""The verifier, rule by rule, on one pack of facts: what is refused, with which code, and what passes."""

from __future__ import annotations

import json

import pytest

from insights.coaching import facts
from insights.coaching.facts import Pack
from insights.coaching.slots import Note, Sentence
from insights.coaching.verifier import verify, worst

FACTS = [
    {"id": "F1", "role": "strength", "metric": "meeting", "value": 7, "unit": "count", "direction": "up", "baseline": 4,
     "nouns": ["meeting"], "phrase": "you held 7 meetings last week (your 8-week median: 4)"},
    {"id": "F2", "role": "opportunity", "metric": "next_step", "value": 3, "unit": "count",
     "nouns": ["next step", "open deal"],
     "phrase": "3 open deals have no next step"},
    {"id": "F3", "role": "context", "metric": "win_rate", "value": 31, "unit": "pct",
     "nouns": ["win rate", "closed deal"],
     "phrase": "your win rate over the last 90 days is 31% (16 of 51 closed deals)"},
    {"id": "F4", "role": "action", "metric": "activity", "value": 21, "unit": "days", "nouns": ["activity"],
     "entity": "D1",
     "phrase": "Tamar Freight (48,000 USD) has had no activity for 21 days"},
    {"id": "F5", "role": "action", "metric": "due_to_close", "unit": "date", "nouns": ["due to close"], "entity": "D2",
     "dates": ["12 December"], "phrase": "Lilac Foods is due to close on 12 December with no meeting booked"},
]  # fmt: skip
NAMES = {
    "entities": [{"id": "D1", "name": "Tamar Freight"}, {"id": "D2", "name": "Lilac Foods"}],
    "other_names": ["Marco Rossi"],
}
STALE = {
    "id": "F6", "role": "caveat", "metric": "snapshot", "value": 19, "unit": "days", "nouns": ["snapshot"],
    "phrase": "this snapshot is 19 days old, so newer changes are not shown",
}  # fmt: skip


def pack(*more: dict[str, object], **fields: object) -> Pack:
    return facts.read({"facts": [*FACTS, *more], **NAMES, **fields})


def answer(*texts: str, kind: str = "summary") -> str:
    return json.dumps({"sentences": [{"kind": kind, "text": text} for text in texts]}, ensure_ascii=False)


def codes(text: str) -> set[str]:
    return set(verify(pack(), text=text).codes)


def codes_of(*texts: str, kind: str = "summary") -> set[str]:
    return set(verify(pack(), raw=answer(*texts, kind=kind)).codes)


@pytest.mark.parametrize(
    "text",
    [
        "You held seven meetings last week, above your 8-week median of 4.",
        "Meetings rose to 7 last week, up from 4.",
        "Your win rate stands at 31 percent (16 of 51 closed deals).",
        "There are 3 open deals without a next step.",
        "Set a next step for 3 open deals.",
        "No activity on Tamar Freight for 21 days.",
        "Tamar Freight, worth $48,000, has had no activity for 21 days.",
        "Tamar has had no activity for 21 days.",
        "Lilac Foods is due to close on December 12 and has no meeting booked.",
        "You held 7 meetings last week, and 3 open deals have no next step. What would help here?",
    ],
)
def test_prose_that_says_again_what_facts_say_passes(text: str) -> None:
    assert codes(text) == set()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("You held 9 meetings last week.", "NUM_UNSUPPORTED"),
        ("You held 3 meetings last week.", "NUM_WRONG_METRIC"),
        ("You held 4 meetings last week (your 8-week median: 7).", "NUM_WRONG_METRIC"),
        ("You held eleven meetings last week.", "NUM_UNSUPPORTED"),
        ("You held a dozen meetings last week.", "NUM_UNSUPPORTED"),
        ("Nearly 7 meetings were held last week.", "NUM_UNSUPPORTED"),
        ("You held over 7 meetings last week.", "NUM_UNSUPPORTED"),
        ("You held 5 to 7 meetings last week.", "NUM_UNSUPPORTED"),
        ("You doubled your meetings last week.", "NUM_UNSUPPORTED"),
        ("A third of your closed deals are in view.", "NUM_UNSUPPORTED"),
        ("It was your fifth meeting.", "NUM_UNSUPPORTED"),
        ("You held 3 more meetings than your median.", "NUM_UNSUPPORTED"),
        ("You held 7 meetings a day.", "NUM_UNIT"),
        ("Your 8-day median is 4 meetings.", "NUM_UNIT"),
        ("Your win rate is 31 points.", "NUM_UNIT"),
        ("Your win rate is 31% (51 of 16 closed deals).", "NUM_WRONG_METRIC"),
        ("Tamar Freight has had no activity for 21 weeks.", "NUM_UNIT"),
        ("Tamar Freight has had no activity for three weeks.", "NUM_UNSUPPORTED"),
        ("Tamar Freight (48,000 EUR) has had no activity for 21 days.", "CURRENCY"),
        ("Tamar Freight (£48,000) has had no activity for 21 days.", "CURRENCY"),
        ("Tamar Freight (48,000) has had no activity for 21 days.", "NUM_UNIT"),
        ("Tamar Freight (50,000 USD) has had no activity for 21 days.", "NUM_UNSUPPORTED"),
    ],
)
def test_a_number_is_of_its_fact_in_its_unit_and_part(text: str, code: str) -> None:
    assert code in codes(text)


@pytest.mark.parametrize(
    "text",
    [
        "Lilac Foods is due to close on 5 December with no meeting booked.",
        "Lilac Foods is due to close on the twelfth of November.",
        "Lilac Foods is due to close on 2026-12-13.",
        "Lilac Foods is due to close on 12 December 2019.",
        "Lilac Foods is due to close on Friday.",
        "Lilac Foods is due to close in a fortnight.",
        "Lilac Foods is due to close in mid-January.",
        "You held 7 meetings this week.",
        "You held 7 meetings yesterday.",
        "You held 7 meetings over the weekend.",
        "Your win rate over the next 90 days is 31%.",
    ],
)
def test_a_day_is_one_that_its_fact_names(text: str) -> None:
    assert "DATE_UNSUPPORTED" in codes(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Lilac Foods (48,000 USD) has had no activity for 21 days.", "ENTITY_MISMATCH"),
        ("Tamar Freight and Lilac Foods have had no activity for 21 days.", "ENTITY_MISMATCH"),
        ("Tamar Freight has had no activity for 21 days, and Lilac Foods too.", "ENTITY_MISMATCH"),
        ("At Tamar Freight, you held 7 meetings last week.", "ENTITY_MISMATCH"),
        ("Tamar Holdings has had no activity for 21 days.", "UNKNOWN_NAME"),
        ("Globex has had no activity for 21 days.", "UNKNOWN_NAME"),
        ("Marco held 7 meetings last week.", "OTHER_PERSON"),
        ("You held 7 meetings last week, as ROSSI did.", "OTHER_PERSON"),
        ("He held 7 meetings last week.", "FREE_WORDS"),
    ],
)
def test_a_name_is_of_the_deal_that_the_fact_is_about(text: str, code: str) -> None:
    assert code in codes(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Your meetings fell to 7 last week.", "DIRECTION"),
        ("Your meetings were flat at 7 last week.", "DIRECTION"),
        ("Your win rate climbed to 31%.", "DIRECTION"),
        ("3 open deals have a next step.", "POLARITY"),
        ("3 open deals are not without a next step.", "POLARITY"),
        ("Tamar Freight has had activity for 21 days.", "POLARITY"),
        ("You did not hold 7 meetings last week.", "POLARITY"),
        ("Lilac Foods closes on 12 December with no meeting booked.", "FORECAST_PROMISE"),
        ("Lilac Foods is to close on 12 December.", "FORECAST_PROMISE"),
        ("Lilac Foods is due to close before 12 December.", "DATE_UNSUPPORTED"),
        ("Did you hold 7 meetings last week?", "FREE_WORDS"),
        ("Book no meeting with Lilac Foods.", "POLARITY"),
        ("3 open deals have no next step and are stuck.", "FREE_WORDS"),
        ("You held 7 meetings last week, your 8-week median.", "NUM_WRONG_METRIC"),
        ("Your win rate is 31% (16 of 51 deals).", "NUM_UNSUPPORTED"),
        ("You held 7 calls last week.", "NUM_WRONG_METRIC"),
        ("3 leads have no next step.", "NUM_WRONG_METRIC"),
        ("Great work: 3 open deals have no next step.", "POLARITY"),
        ("You held 7 meetings last week because you called early.", "CAUSAL"),
        ("You held 7 meetings last week, more than your colleagues.", "PEER_COMPARISON"),
        ("You held 7 meetings last week, your best week.", "SUPERLATIVE"),
        ("You held 7 meetings last week and will hit quota.", "FORECAST_PROMISE"),
        ("You only held 7 meetings last week.", "TONE"),
        ("You held 7 meetings last week despite being sick.", "SENSITIVE"),
    ],
)
def test_prose_turns_nothing_round_and_adds_no_claim(text: str, code: str) -> None:
    assert code in codes(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Sehr gut: {F1}.", "LANGUAGE"),
        ("Bien: {F1}.", "LANGUAGE"),
        ("Отлично: {F1}.", "LANGUAGE"),
        ("Nice moment\u200bum: {F1}.", "BIDI_OR_INVISIBLE"),
        ("\u202eNice: {F1}.", "BIDI_OR_INVISIBLE"),
        ("Niсe: {F1}.", "BIDI_OR_INVISIBLE"),
        ("**Nice**: {F1}.", "INJECTION_OR_MARKUP"),
        ("<b>Nice</b>: {F1}.", "INJECTION_OR_MARKUP"),
        ("See https://a.example: {F1}.", "INJECTION_OR_MARKUP"),
        ("Write to a@b.example: {F1}.", "PII"),
        ("Ring +36 30 555 0199: {F1}.", "PII"),
        ("Nice!!! {F1}.", "TONE"),
        ("GOOD WORK: {F1}.", "TONE"),
    ],
)
def test_characters_marks_and_languages_that_have_no_place(text: str, code: str) -> None:
    assert code in codes_of(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Eight meetings: {F1}.", "NUM_UNSUPPORTED"),
        ("Twice as good: {F1}.", "NUM_UNSUPPORTED"),
        ("Since Monday: {F1}.", "DATE_UNSUPPORTED"),
        ("This week: {F1}.", "DATE_UNSUPPORTED"),
        ("Next week: {F5}.", "DATE_UNSUPPORTED"),
        ("It slid: {F1}.", "DIRECTION"),
        ("In line with your usual: {F1}.", "DIRECTION"),
        ("Your usual: {F1}.", "FREE_WORDS"),
        ("It is not so that {F1}.", "POLARITY"),
        ("Well done: {F2}.", "POLARITY"),
        ("Needs fixing: {F1}.", "POLARITY"),
        ("At {D2}: {F4}.", "ENTITY_MISMATCH"),
        ("Globex first: {F1}.", "UNKNOWN_NAME"),
        ("Splendiferous: {F1}.", "FREE_WORDS"),
        ("{F1}, which gave {F2}.", "CAUSAL"),
        ("{F1} with {F2}.", "CAUSAL"),
        ("You are a born closer: {F1}.", "TONE"),
        ("This could win it: {F4}.", "FORECAST_PROMISE"),
        ("{F1}s and more.", "NUM_UNSUPPORTED"),
        ("${F2}.", "NUM_UNIT"),
        ("About {F2}.", "NUM_UNSUPPORTED"),
        ("Please look at this.", "UNCITED_SENTENCE"),
        ("{F9}.", "UNKNOWN_SLOT"),
        ("{F1} and {{F2}}.", "UNKNOWN_SLOT"),
    ],
)
def test_beside_a_slot_stand_allowed_words_alone(text: str, code: str) -> None:
    assert code in codes_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "Nice momentum: {F1}.", "A good first call: {F4}.", "Worth a tidy-up: {F2}.", "For context: {F3}.",
        "{F1}, well done.",
        "Start with {D1}: {F4}.", "Worth a call this week: {F5}.", "{F1}, and {F2}.", "On your meetings: {F1}.",
        "Last week: {F1}.",
    ],
)  # fmt: skip
def test_leads_that_say_nothing_of_their_own_pass(text: str) -> None:
    assert codes_of(text) == set()


def test_a_persons_name_that_is_a_word_too_is_told_by_its_capital() -> None:
    told = pack(other_names=["Check Rossi"])
    assert verify(told, raw=answer("Please check: {F1}.")).is_accepted
    assert "OTHER_PERSON" in verify(told, raw=answer("Please, Check: {F1}.")).codes
    assert "OTHER_PERSON" in verify(told, raw=answer("As rossi says: {F1}.")).codes


def test_a_kind_fits_its_facts() -> None:
    assert "POLARITY" in codes_of("{F2}.", kind="strength")
    assert "POLARITY" in codes_of("{F1}.", kind="opportunity")
    assert codes_of("{F2}.", kind="opportunity") == set()


def test_a_note_says_nothing_twice_and_ends_in_time() -> None:
    assert "REPETITION" in codes_of("{F1}.", "Please note: {F1}.")
    assert "REPETITION" in codes("You held 7 meetings last week. You held 7 meetings last week.")
    assert "TOO_LONG" in codes_of(*["{F1}."] * 9)
    assert "TOO_LONG" in codes_of("Please read this with care and " * 8 + "{F1}.")


def test_every_caveat_is_told_and_an_old_snapshot_is_no_present() -> None:
    old = pack(STALE)
    assert set(verify(old, raw=answer("{F1}.")).codes) == {"MISSING_REQUIRED", "STALE"}
    assert verify(old, raw=answer("{F1}.", "Please note: {F6}.")).is_accepted
    assert verify(old, text="You held 7 meetings last week. This snapshot is 19 days old.").is_accepted
    assert "MISSING_REQUIRED" in verify(old, text="You held 7 meetings last week. Mind the snapshot.").codes
    assert "STALE" in verify(old, raw=answer("This week: {F4}.", "Please note: {F6}.")).codes


def test_what_people_wrote_in_the_crm_is_not_repeated() -> None:
    told = pack(untrusted_text=["please look at this with care, she said"])
    assert "INJECTION_OR_MARKUP" in verify(told, raw=answer("Please look at this with care: {F1}.")).codes
    assert verify(pack(), raw=answer("Please look at this with care: {F1}.")).is_accepted


def test_a_name_that_looks_like_a_slot_or_mark_up_is_only_a_name() -> None:
    odd = facts.read({
        "facts": [{"id": "F1", "phrase": "{F2} <b>Ltd</b> has had no activity for 21 days", "entity": "D1"},
                  {"id": "F2", "phrase": "3 open deals have no next step"}],
        "entities": [{"id": "D1", "name": "{F2} <b>Ltd</b>"}],
    })  # fmt: skip
    assert verify(odd, raw=answer("Start with {D1}: {F1}.")).is_accepted


def test_a_rendered_note_cites_what_it_says_it_cites() -> None:
    phrase = "You held 7 meetings last week (your 8-week median: 4)."
    assert verify(pack(), note=Note((Sentence("strength", phrase, ("F1",)),))).is_accepted
    assert verify(pack(), note=Note((Sentence("strength", phrase, ("F2",)),))).codes == ("SCHEMA",)
    assert verify(pack(), note=Note(())).verdict == "fallback"


def test_what_cannot_be_used_falls_back_and_what_can_be_mended_is_refused() -> None:
    def told(raw: str | None, reason: str = "stop") -> tuple[str, set[str]]:
        verdict = verify(pack(), raw=raw, finish_reason=reason)
        return verdict.verdict, set(verdict.codes)

    assert told(None) == ("fallback", {"EMPTY"})
    assert told("  ") == ("fallback", {"EMPTY"})
    assert told('{"sentences": []}') == ("fallback", {"EMPTY"})
    assert told('{"sentences": [{"kind": "summ', "length") == ("fallback", {"TRUNCATED", "NOT_JSON"})
    assert told(answer("{F1}."), "content_filter") == ("fallback", {"REFUSAL"})
    assert told("I'm sorry, but I can't help with that.") == ("fallback", {"REFUSAL", "NOT_JSON"})
    assert told(answer("I am sorry, I cannot do this.")) == ("fallback", {"REFUSAL"})
    assert told("Here it is: nothing") == ("reject", {"NOT_JSON"})
    assert told('{"sentences": "F1"}') == ("reject", {"SCHEMA"})
    assert told('{"sentences": [{"kind": "summary", "text": "{F1}.", "score": 3}]}') == ("reject", {"SCHEMA"})
    assert told('{"sentences": [{"kind": "summary", "text": "{F1}.", "text": "Fired."}]}') == ("reject", {"NOT_JSON"})
    assert told(f"```json\n{answer('{F1}.')}\n```") == ("accept", set())


def test_the_worst_of_several_counts_with_the_codes_of_all() -> None:
    verdicts = [
        verify(pack(), text="You held 9 meetings."),
        verify(pack(), raw=None),
        verify(pack(), raw=answer("{F1}.")),
    ]
    assert worst(verdicts).verdict == "fallback"
    assert {"EMPTY", "NUM_UNSUPPORTED"} <= set(worst(verdicts).codes)


def test_a_verdict_says_which_sentence_is_wrong() -> None:
    verdict = verify(pack(), raw=answer("{F1}.", "Hurrah: {F2}."))
    assert [(one.sentence, "FREE_WORDS" in one.codes) for one in verdict.where] == [(1, True)]


def test_an_id_is_never_read_as_a_pattern() -> None:
    told = {"id": r"a\1", "role": "context", "phrase": "you won 3 deals", "nouns": ["deal"]}
    assert verify(facts.read({"facts": [told]}), text="You won 3 deals.").is_accepted
