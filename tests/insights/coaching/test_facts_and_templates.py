"""Facts, phrases, slots and templates: what a note is made of."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import made_facts
import pytest
from test_verifier import FACTS, NAMES, STALE, pack

from insights.coaching import facts, phrases, slots, templates
from insights.coaching.facts import BadFacts, Baseline, Entity, Fact, Period
from insights.coaching.slots import Draft, Part
from insights.coaching.verifier import verify

WEEK = Period(date(2026, 11, 16), date(2026, 11, 22), "last week")
DEAL, TODAY = Entity("D1", "Tamar Freight"), date(2026, 11, 23)


# --- facts -----------------------------------------------------------------------------------------------------------


def test_facts_are_read_from_the_short_form_and_written_without_loss() -> None:
    short = pack(STALE)
    assert [one.kind for one in short.facts] == ["trend", "count", "rate", "action", "action", "caveat"]
    assert short.facts[0].baseline == Baseline(Decimal(4))
    assert facts.read(facts.dump(short)) == short
    assert facts.read(FACTS).facts == pack().facts, "a bare list of facts"


def test_evidence_is_kept_and_does_not_count_for_the_hash() -> None:
    told = pack()
    evidence = facts.Evidence("meetings_held", (("owner", "7"),), ("12", "15"), date(2026, 11, 22))
    shown = replace(told, facts=(replace(told.facts[0], evidence=evidence), *told.facts[1:]))
    assert facts.read(facts.dump(shown)) == shown
    assert facts.facts_hash(shown) == facts.facts_hash(told), "a snapshot in which nothing changed costs no call"
    assert facts.facts_hash(facts.without(told, ["F1"])) != facts.facts_hash(told)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"id": "F1"}, "phrase"), ({"phrase": "x"}, "an id"), ({"id": "F1", "phrase": "x", "role": "boss"}, "role"),
        ({"id": "F1", "phrase": "x", "value": "NaN"}, "not a number"),
        ({"id": "F1", "phrase": "x", "direction": "sideways"}, "direction"),
        ({"id": "F1", "phrase": "x", "period": {"first": "soon"}}, "not a day"), ("F1", "not an object"),
    ],
)  # fmt: skip
def test_wrong_facts_are_named(wrong: object, why: str) -> None:
    with pytest.raises(BadFacts, match=why):
        facts.read({"facts": [wrong]})


def test_two_facts_of_one_id_and_no_list_of_facts_are_refused() -> None:
    with pytest.raises(BadFacts, match="same id"):
        facts.read([FACTS[0], FACTS[0]])
    with pytest.raises(BadFacts, match="list"):
        facts.read({"facts": "F1"})


def test_hidden_characters_are_taken_out_of_names_and_joiners_of_a_script_stay() -> None:
    assert facts.visible("Ta\u202emar\u200b  Fre\x07ight") == "Tamar Freight"
    assert facts.visible("می\u200cخواهم") == "می\u200cخواهم"
    assert facts.visible("a\u200cb") == "ab"


# --- phrases ---------------------------------------------------------------------------------------------------------


def test_numbers_are_written_with_separators_and_money_with_its_currency() -> None:
    assert phrases.number(Decimal("1234.50")) == "1,234.5"
    assert phrases.number(Decimal(100)) == "100"
    assert phrases.money(Decimal("47999.50"), "EUR") == "48,000 EUR"
    assert phrases.counted(1, "open deal") == "1 open deal"
    assert phrases.counted(1200, "open deal") == "1,200 open deals"
    assert phrases.day(date(2026, 12, 1), today=TODAY) == "1 December"
    assert phrases.day(date(2027, 1, 1), today=TODAY) == "1 January 2027"


def test_a_direction_needs_four_weeks_and_more_than_noise() -> None:
    usual = Baseline(Decimal(10), "median", 8)
    assert [phrases.direction(Decimal(value), usual) for value in (7, 9, 10, 11, 12)] == [
        "down",
        "flat",
        "flat",
        "flat",
        "up",
    ]
    assert phrases.direction(Decimal(20), Baseline(Decimal(10), "median", 3)) is None
    assert phrases.direction(Decimal(20), None) is None
    assert "median" not in phrases.meetings(7, WEEK, Baseline(Decimal(4), "median", 3)).phrase


def test_no_rate_is_told_of_fewer_than_five_closed_deals() -> None:
    assert phrases.win_rate(16, 51, WEEK).value == 31
    few = phrases.win_rate(2, 4, WEEK)
    assert (few.role, few.value, few.unit, "%" in few.phrase) == ("caveat", 4, "count", False)
    none = phrases.win_rate(0, 0, WEEK)
    assert (none.role, none.value, re.search(r"\d", none.phrase)) == ("caveat", None, None)


def test_currencies_are_told_apart_and_an_old_snapshot_is_a_caveat_after_a_week() -> None:
    told = phrases.pipeline_apart([(Decimal(120_000), "USD"), (Decimal(50_000), "EUR")])
    assert told.phrase == "your open pipeline is 120,000 USD and 50,000 EUR (not added up)"
    assert told.value is None
    assert phrases.old_snapshot(7) is None
    stale = phrases.old_snapshot(8)
    assert stale is not None
    assert stale.role == "caveat"


def made() -> tuple[Fact, ...]:
    usual, worth = Baseline(Decimal(4), "median", 8), (Decimal(48_000), "USD")
    stale = phrases.old_snapshot(19)
    assert stale is not None
    return phrases.numbered([
        phrases.meetings(7, WEEK, usual), phrases.new_deals(1, WEEK, usual), phrases.win_rate(16, 51, WEEK),
        phrases.win_rate(1, 3, WEEK), phrases.pipeline_change(Decimal(317_000), Decimal(305_000), "USD", WEEK),
        phrases.pipeline_change(Decimal(1_000), Decimal(1_000), "USD", WEEK),
        phrases.pipeline_apart([(Decimal(1_000), "USD"), (Decimal(2_000), "EUR")]), phrases.without_next_step(3),
        phrases.single_contact(1), phrases.past_close_date(2), phrases.silent_deal(DEAL, 21, worth),
        phrases.due_without_meeting(DEAL, date(2026, 12, 12), today=TODAY),
        phrases.overdue_deal(DEAL, date(2026, 11, 2), today=TODAY),
        phrases.pushed_deal(DEAL, 3, worth), phrases.long_in_stage(DEAL, "Proposal", 40, 12),
        phrases.nothing_recorded(WEEK),
        stale, phrases.sync_gap(date(2026, 11, 9), today=TODAY), phrases.new_here(2),
        phrases.missing_field(4, 9, "close date"),
    ])  # fmt: skip


@pytest.mark.parametrize("fact", made(), ids=lambda fact: fact.metric)
def test_every_phrase_is_short_and_passes_behind_every_lead_of_its_role(fact: Fact) -> None:
    told = facts.Pack((fact,), (DEAL,))
    assert len(fact.phrase.split()) <= 20
    for seed in range(len(templates.LEADS[fact.role])):
        note = templates.write(told, seed)
        assert verify(told, note=note).codes == (), note.text
        assert verify(told, text=note.text).codes == (), note.text


# --- slots -----------------------------------------------------------------------------------------------------------


def test_rendering_is_a_single_pass_and_names_keep_their_letters() -> None:
    told = facts.read({
        "facts": [{"id": "F1", "phrase": "eBaY {F2} has had no activity"}, {"id": "F2", "phrase": "secret"}],
        "entities": [{"id": "D1", "name": "eBaY {F2}"}],
    })  # fmt: skip
    note = slots.render(Draft((Part("summary", "{F1}."), Part("summary", "{F2}, {F2}."))), told)
    assert [one.text for one in note.sentences] == ["eBaY {F2} has had no activity.", "Secret, secret."]
    assert [one.fact_ids for one in note.sentences] == [("F1",), ("F2",)]


def test_the_schema_says_what_is_parsed() -> None:
    sentence = slots.schema()["properties"]["sentences"]["items"]
    assert sentence["properties"]["kind"]["enum"] == list(slots.KINDS)
    assert sentence["additionalProperties"] is False


# --- templates -------------------------------------------------------------------------------------------------------


def test_a_template_tells_one_or_two_of_each_role_and_every_caveat() -> None:
    extra = [
        {**FACTS[number], "id": f"F{number + 10}", "phrase": f"{number + 40} open deals are new"} for number in range(4)
    ]
    told = facts.read({"facts": [*FACTS, *extra, STALE], **NAMES})
    note = templates.write(told, 1)
    kinds = [one.kind for one in note.sentences]
    assert all(1 <= kinds.count(kind) <= 2 for kind in ("strength", "opportunity", "action"))
    assert note.sentences[0].fact_ids == ("F6",), "that the data are old is said first"
    assert len(note.text.split()) <= templates.MOST_WORDS
    assert note.text.endswith("?"), "the last action ends in a question"


def test_two_weeks_differ_and_one_week_is_always_the_same() -> None:
    assert templates.write(pack(), 1) == templates.write(pack(), 1)
    for week in range(10):
        one, two = templates.write(pack(), week), templates.write(pack(), week + 1)
        assert all(a.text != b.text for a, b in zip(one.sentences, two.sentences, strict=True))


def test_there_are_at_least_five_leads_of_each_role() -> None:
    assert all(len(set(leads)) >= 5 for leads in templates.LEADS.values())
    assert len(set(templates.QUESTIONS)) >= 5


def test_without_a_fact_there_is_nothing_to_say() -> None:
    with pytest.raises(templates.NothingToSay):
        templates.write(facts.Pack(()), 1)


def grade(text: str) -> float:
    """Flesch-Kincaid grade; syllables are groups of vowels, without a silent e."""
    sentences = [one for one in re.split(r"[.?!:](?:\s|$)", text) if one.strip()]
    words = re.findall(r"[A-Za-z]+", text)
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", re.sub(r"(?<=[^aeiou])e$", "", one.lower())))) for one in words)
    return 0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59


def test_templates_read_easily() -> None:
    notes = [templates.write(facts.read(made_facts.world(seed).pack), seed) for seed in range(200)]
    assert sum(grade(one.text) for one in notes) / len(notes) <= 8
    assert max(len(sentence.split()) for one in notes for sentence in re.split(r"(?<=[.?])\s", one.text)) <= 25
