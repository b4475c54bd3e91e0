"""Planted errors are caught, good notes pass: on made-up facts, with wording that is not from the verifier's lists."""

from __future__ import annotations

from collections import Counter

import made_facts
import mutants
import plain_checker
from clean_notes import as_prose, with_slots
from examples import examples

from insights.coaching import facts, slots, templates
from insights.coaching.verifier import verify

WORLDS = examples(25, full=400)
EXACT_OF_SLOTS = {"L2 number", "L2 multiplier", "L2 date", "L2 name", "L2 another deal", "L2 glued"}


def judged(first: int) -> tuple[Counter[str], Counter[str]]:
    """How many mutants of each kind, and how many of them were accepted."""
    made, missed = Counter[str](), Counter[str]()
    for seed in range(first, first + WORLDS):
        world = made_facts.world(seed)
        pack = facts.read(world.pack)
        for one in (*mutants.in_prose(world, seed), *mutants.with_slots(world, seed)):
            verdict = verify(pack, raw=one.raw) if one.raw is not None else verify(pack, text=one.text)
            made[one.kind] += 1
            missed[one.kind] += verdict.is_accepted
    return made, missed


def test_planted_errors_are_caught() -> None:
    made, missed = judged(20_000)
    exact = mutants.EXACT | EXACT_OF_SLOTS
    of_slots = {kind for kind in made if kind.startswith("L2")}

    def caught(kinds: set[str]) -> float:
        return 1 - sum(missed[one] for one in kinds) / sum(made[one] for one in kinds)

    print(f"{made.total()} planted, {missed.total()} missed:", +missed)
    assert len(made) >= 20
    assert caught(exact) >= 0.995, missed
    assert caught(of_slots) >= 0.99, missed
    assert caught(set(made)) >= 0.99, missed


def test_good_notes_pass() -> None:
    refused: list[tuple[str, tuple[str, ...]]] = []
    for seed in range(30_000, 30_000 + WORLDS):
        world = made_facts.world(seed)
        pack = facts.read(world.pack)
        answer, prose = with_slots(world, seed), as_prose(world, seed)
        verdicts = ((answer, verify(pack, raw=answer)), (prose, verify(pack, text=prose)))
        refused += [(said, verdict.codes) for said, verdict in verdicts if not verdict.is_accepted]
    print(f"{2 * WORLDS} good notes, {len(refused)} refused")
    assert len(refused) <= 0.02 * 2 * WORLDS, refused


def test_templates_pass_and_hold_no_number_that_no_cited_fact_has() -> None:
    for seed in range(40_000, 40_000 + WORLDS):
        pack = facts.read(made_facts.world(seed).pack)
        note = templates.write(pack, seed)
        assert verify(pack, note=note).codes == ()
        assert verify(pack, text=note.text).codes == ()
        assert _unsupported(note, seed) == set()


def test_no_accepted_answer_shows_a_number_that_no_cited_fact_has() -> None:
    for seed in range(50_000, 50_000 + WORLDS):
        world = made_facts.world(seed)
        pack = facts.read(world.pack)
        for one in mutants.with_slots(world, seed):
            draft = slots.parse(one.raw)
            if isinstance(draft, slots.Draft) and verify(pack, raw=one.raw).is_accepted:
                assert _unsupported(slots.render(draft, pack), seed) == set()


def _unsupported(note: slots.Note, seed: int) -> set[str]:
    world = made_facts.world(seed)
    names = [one["name"] for one in world.pack["entities"]]
    return plain_checker.unsupported([(one.text, one.fact_ids) for one in note.sentences], world.pack["facts"], names)


def test_the_plain_checker_finds_what_no_fact_has() -> None:
    known = [{"id": "F1", "phrase": "you held 7 meetings last week (your 8-week median: 4)", "value": 7}]
    for wrong, value in (
        ("You held 9 meetings.", "9"), ("You held twenty-two meetings.", "22"), ("48,000 of them.", "48000"),
        ("On 7 March.", "march"), ("You doubled it.", "doubled"), ("Since Monday.", "monday"),
    ):  # fmt: skip
        assert plain_checker.unsupported([(wrong, ["F1"])], known, []) == {value}
    assert plain_checker.unsupported([("You held seven meetings, 4 before.", ["F1"])], known, []) == set()
    assert plain_checker.unsupported([("You held 7 meetings.", [])], known, []) == {"7"}, "a fact that is not cited"
