"""Notes of the sample organization, worded by a real, small, careless model: each is accepted or is the template, and
no number is shown that no cited fact has.

Runs only where it is asked for: `make real-model`. Nothing leaves the machine but pip's requests.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import model_lab
import plain_checker
import pytest
from databases import CopyOf
from made_installation import House, demo_house_of
from pydantic import SecretStr

from insights.coaching import asking, facts, templates
from insights.coaching.facts import Pack
from ops import coaching, coaching_week
from ops.coaching import Times
from ops.llm import Client, Completion, Endpoint, Limits
from ops.services import Services
from ops.settings import WritingLevel
from snapshots.notes import Note

pytestmark = [pytest.mark.model, pytest.mark.timeout(4 * 3600)]
NOTES = {"L1": 180, "L2": 15, "L3": 5}
"""By the level at which the model words them. At L1 it chooses facts, which is quick; 200 in all."""
PATIENCE_S = 60.0
"""Of a note, for a machine that is busy with other things; the product's own deadline is tested elsewhere."""
LAST = date(2024, 6, 17)


@dataclass
class Heard(Client):
    """Keeps what the model said."""

    said: list[str] = field(default_factory=list)

    def complete(self, *asked: Any, **more: Any) -> Completion:
        made = super().complete(*asked, **more)
        self.said.append(made.text or "")
        return made


@pytest.fixture(scope="module")
def house(copy_of: CopyOf) -> Iterator[House]:
    with demo_house_of(copy_of) as made:
        yield made


@pytest.fixture(scope="module")
def model_url(request: pytest.FixtureRequest) -> Iterator[str]:
    folder = Path(request.config.getoption("--model-lab")).resolve()
    model_lab.install(folder)
    with model_lab.serving(folder) as url:
        yield url


def told_weeks(house: House, note_for: str) -> Iterator[tuple[int, date, Pack]]:
    """Each salesperson's facts, week after week into the past; none twice."""
    seen: set[str] = set()
    for back in range(45):
        week = LAST - timedelta(weeks=back)
        packs = coaching_week.packs_of_week(
            house.services, house.organization_id, week, noted_on=week + timedelta(days=7)
        )
        for owner_id, pack in packs.items():
            told = facts.read({**facts.dump(pack), "note_for": note_for})
            if facts.facts_hash(told) not in seen:
                seen.add(facts.facts_hash(told))
                yield owner_id, week, told


def unsupported(pack: Pack, sentences: list[tuple[str, list[str]]]) -> set[str]:
    names = [one.name for one in pack.entities]
    return plain_checker.unsupported(sentences, facts.dump(pack)["facts"], names)


def raw_numbers(pack: Pack, said: str) -> set[str]:
    """Numbers of a model's own words that no fact of the whole pack has."""
    bare = re.sub(r"\b[FD]\d+\b", " ", said)  # ids, in braces or not
    return unsupported(pack, [(bare, [one.id for one in pack.facts])])


def written(services: Services, house: House, client: Heard, asked: tuple[int, date, Pack]) -> Note:
    owner_id, week, pack = asked
    times = Times(deadline_s=PATIENCE_S)
    return coaching.write_note(services, house.organization_id, owner_id, week, pack, client=client, times=times)


@pytest.mark.parametrize("level", list(NOTES))
def test_whatever_a_real_model_says_notes_are_supported(house: House, model_url: str, level: str) -> None:
    asked = {"llm_level": WritingLevel(level), "llm_monthly_tokens": 10**9}
    settings = house.services.settings.model_copy(update=asked)
    services = Services(
        settings=settings, database_url=house.services.database_url, database=house.database, now=house.services.now
    )
    # A busy machine is no broken server: each note is asked for.
    patient = Limits(failures_to_open=10**9)
    client = Heard(Endpoint(model="smollm2-135m", base_url=model_url, key=SecretStr("none")), patient)
    became, codes, wrong, raw_wrong = Counter[str](), Counter[str](), [], 0
    note_for = "manager" if level == "L3" else "rep"
    for number, (owner_id, week, pack) in enumerate(told_weeks(house, note_for)):
        if number == NOTES[level]:
            break
        before = len(client.said)
        note = written(services, house, client, (owner_id, week, pack))
        said = client.said[before:]
        raw_wrong += sum(bool(raw_numbers(pack, one)) for one in said)
        became[_outcome(note)] += 1
        codes.update(note.codes)
        shown = [(str(one["text"]), list(one["fact_ids"])) for one in note.sentences]
        if found := unsupported(pack, shown):
            wrong.append((note.text, found))
        if note.level == "L0":
            assert note.text == templates.write(pack, week.toordinal() // 7).text
        assert note.latency_ms <= 1000 * PATIENCE_S
        if number % 5 == 0:
            print(level, number, dict(became), repr(note.text[:160]) if note.level != "L0" else "", flush=True)
    n = sum(became.values())
    told = {"level": level, "notes": n, **became, "completions": len(client.said),
            "of them with a number that no fact has": raw_wrong, "codes": dict(codes.most_common(12)),
            "unsupported shown": len(wrong), "prompt": asking.PROMPT_VERSION}  # fmt: skip
    print(json.dumps(told), flush=True)
    assert wrong == []
    assert n == NOTES[level]
    assert set(became) <= {"accepted", "repaired", "replaced"}


def _outcome(note: Note) -> str:
    if note.level == "L0":
        return "replaced"
    return {1: "accepted", 2: "repaired"}[note.n_completions]
