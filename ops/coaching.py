"""Writes coaching notes: what stands is kept, one worker writes what does not, and a note comes within NOTE_DEADLINE_S.

Puts together facts, a language model where one is configured, and the store. Without a model notes are templates, and
no client is made.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from insights.coaching import facts, templates, writing
from insights.coaching.asking import PROMPT_VERSION
from insights.coaching.facts import Pack
from insights.coaching.slots import Note as Worded
from insights.coaching.slots import Sentence
from insights.coaching.verifier import VERIFIER_VERSION, Verdict
from insights.coaching.writing import Written
from ops import llm
from ops.coaching_asking import Asking
from ops.services import Services
from ops.settings import WritingLevel
from snapshots import notes
from snapshots.notes import NewNote, Note, NoteKey

if TYPE_CHECKING:
    from ops.llm import Client

NOTE_DEADLINE_S: Final = 20.0
"""A note is there by then, whatever a model, a server or another worker does."""
STORING_S: Final = 2.0
"""What is left of it for what comes after the last answer."""
LEASE: Final = timedelta(seconds=NOTE_DEADLINE_S + 5)
LOOK_AGAIN_S: Final = 0.1


class Refused(ValueError):
    """What a person wrote says something that the facts do not; verdict says what, sentence by sentence."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(", ".join(verdict.codes))
        self.verdict = verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The clock and the waits; replaced by tests. deadline_s: of one note."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    deadline_s: float = NOTE_DEADLINE_S
    storing_s: float = STORING_S


def write_note(
    services: Services, organization_id: int, owner_id: int, week: date, pack: Pack, *, client: Client | None = None,
    times: Times | None = None, attempt: int = 0,
) -> Note:  # fmt: skip
    """The note of a week (any day of it) about an owner, written where none stands that these facts would give.

    The same facts give the same text without another request, for each attempt. Raises templates.NothingToSay where
    there is no fact. client: instead of the one that the settings name.
    """
    return _Desk(services, organization_id, client, times or Times(), attempt).note(owner_id, week, pack)


def write_notes(
    services: Services, organization_id: int, week: date, packs: Mapping[int, Pack], *, client: Client | None = None
) -> dict[int, Note]:
    """Notes by owner, several at once; owners without a fact are left out."""
    desk = _Desk(services, organization_id, client, Times())
    told = {owner_id: pack for owner_id, pack in packs.items() if pack.facts}
    with ThreadPoolExecutor(llm.Limits().at_once, thread_name_prefix="notes") as pool:
        made = pool.map(lambda one: desk.note(one[0], week, one[1]), told.items())
        return dict(zip(told, made, strict=True))


def edit_note(services: Services, organization_id: int, note_id: int, text: str, *, by: str) -> Note:
    """A new version in the words of a person, a sentence per line, judged like a model's prose.

    Raises Refused, snapshots.notes.NoteChanged where there is a newer version, LookupError where there is none.
    """
    before = notes.get(services.database, organization_id, note_id)
    pack = facts.read(before.facts)
    note, verdict = writing.as_prose(pack, text)
    if not verdict.is_accepted:
        raise Refused(verdict)
    new = NewNote(
        text=note.text, sentences=_sentences(pack, note), facts=before.facts, facts_hash=before.facts_hash,
        cache_key=before.cache_key, level="edited", asked_level=before.asked_level, written_by=by,
        prompt_version=before.prompt_version, verifier_version=VERIFIER_VERSION,
    )  # fmt: skip
    return notes.edit(services.database, organization_id, note_id, new, now=services.now())


def first_day(week: date) -> date:
    """The Monday of the week that a day is in."""
    return week - timedelta(days=week.weekday())


# --- one organization's ----------------------------------------------------------------------------------------------


@dataclass
class _Desk:
    """Where one organization's notes are written."""

    services: Services
    organization_id: int
    client: Client | None
    times: Times
    attempt: int = 0

    def __post_init__(self) -> None:
        settings = self.services.settings
        self._endpoint = self.client.endpoint if self.client else llm.endpoint_of(settings)
        level = settings.llm_level if self._endpoint else WritingLevel.L0
        self._level = level

    def note(self, owner_id: int, week: date, pack: Pack) -> Note:
        key = NoteKey(owner_id, first_day(week), pack.note_for)
        if not pack.facts:
            raise templates.NothingToSay("there is no fact to write of")
        ends_at = self.times.clock() + self.times.deadline_s
        level = self._level_for(pack)
        cache_key, token = self._cache_key(pack, level), uuid.uuid4().hex
        for found in self._claims(key, cache_key, token, ends_at):
            if isinstance(found, Note):
                return found
            if found:
                return self._written(key, pack, level, cache_key, token, ends_at)
        return self._unkept(key, self._template(pack, level, cache_key, key, ("BUSY",)))

    def _level_for(self, pack: Pack) -> WritingLevel:
        """Prose is a manager's draft: a salesperson's note is worded at L2 at most."""
        prose_for_rep = self._level is WritingLevel.L3 and pack.note_for != "manager"
        return WritingLevel.L2 if prose_for_rep else self._level

    def _claims(self, key: NoteKey, cache_key: str, token: str, ends_at: float) -> Iterator[Note | bool]:
        """What stands, or whether we are to write it, again and again until the deadline."""
        while True:
            yield notes.claim(
                self.services.database, self.organization_id, key, cache_key, token=token, lease=LEASE,
                now=self.services.now(),
            )  # fmt: skip
            if self.times.clock() + LOOK_AGAIN_S + self.times.storing_s / 2 >= ends_at:
                return
            self.times.sleep(LOOK_AGAIN_S)

    def _written(
        self, key: NoteKey, pack: Pack, level: WritingLevel, cache_key: str, token: str, ends_at: float
    ) -> Note:
        database, organization = self.services.database, self.organization_id
        try:
            new = self._new(key, pack, level, cache_key, ends_at)
            kept = notes.keep(database, organization, key, new, token=token, now=self.services.now())
        except BaseException:
            notes.release(database, organization, key, token=token)
            raise
        # Where the claim was over, the other's note counts.
        return kept or notes.newest(database, organization, key) or self._unkept(key, new)

    def _new(self, key: NoteKey, pack: Pack, level: WritingLevel, cache_key: str, ends_at: float) -> NewNote:
        if level is WritingLevel.L0 or self._endpoint is None:
            return self._template(pack, level, cache_key, key, ())
        same = notes.same_answer(self.services.database, self.organization_id, cache_key)
        if same is not None:
            return _again(same, pack)
        client = self.client or llm.client_for(self._endpoint)
        asking = Asking(
            self.services, self.organization_id, client, key, ends_at - self.times.storing_s, self.times.clock
        )
        started = self.times.clock()
        names = self.services.settings.llm_send_deal_names
        written = writing.write(pack, _seed(key.week), asking, level.value, with_names=names)  # type: ignore[arg-type]
        spent = asking.spent
        return replace(
            self._kept(pack, written, level, cache_key),
            model=asking.model if written.level != "L0" else None, host=self._endpoint.host,
            tokens_in=spent.tokens_in, tokens_out=spent.tokens_out, micro_usd=spent.micro_usd,
            latency_ms=round(1000 * (self.times.clock() - started)),
        )  # fmt: skip

    def _template(
        self, pack: Pack, level: WritingLevel, cache_key: str, key: NoteKey, codes: tuple[str, ...]
    ) -> NewNote:
        written = Written(templates.write(pack, _seed(key.week)), "L0", codes, 0)
        return self._kept(pack, written, level, cache_key)

    def _kept(self, pack: Pack, written: Written, level: WritingLevel, cache_key: str) -> NewNote:
        return NewNote(
            text=written.note.text, sentences=_sentences(pack, written.note), facts=facts.dump(pack),
            facts_hash=facts.facts_hash(pack), cache_key=cache_key, level=written.level, asked_level=level.value,
            codes=written.codes, n_completions=written.n_completions, prompt_version=PROMPT_VERSION,
            verifier_version=VERIFIER_VERSION,
        )  # fmt: skip

    def _unkept(self, key: NoteKey, new: NewNote) -> Note:
        values = {name: getattr(new, name) for name in NewNote.__dataclass_fields__}
        return Note(
            **values, note_id=None, owner_id=key.owner_id, week=key.week, note_for=key.note_for, version=0,
            written_at=self.services.now(),
        )  # fmt: skip

    def _cache_key(self, pack: Pack, level: WritingLevel) -> str:
        endpoint, settings = self._endpoint, self.services.settings
        told = (
            facts.facts_hash(pack), PROMPT_VERSION, VERIFIER_VERSION, level.value,
            None if endpoint is None else (endpoint.host, endpoint.model, settings.llm_send_deal_names),
            *([self.attempt] if self.attempt else []),
        )  # fmt: skip
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _sentences(pack: Pack, note: Worded) -> list[dict[str, Any]]:
    """Each with its facts and what recomputes them."""
    evidence = {one["id"]: one.get("evidence") for one in facts.dump(pack)["facts"]}
    return [
        {
            "kind": one.kind, "text": one.text, "fact_ids": list(one.fact_ids),
            "evidence": [evidence[fact_id] for fact_id in one.fact_ids if evidence.get(fact_id)],
        }
        for one in note.sentences
    ]  # fmt: skip


def _again(same: Note, pack: Pack) -> NewNote:
    """The text of another week's or owner's note of equal facts, with these facts' own evidence; it cost nothing."""
    values = {name: getattr(same, name) for name in NewNote.__dataclass_fields__}
    sentences = tuple(Sentence(one["kind"], one["text"], tuple(one["fact_ids"])) for one in same.sentences)
    told = _sentences(pack, Worded(sentences))
    free = {"tokens_in": 0, "tokens_out": 0, "micro_usd": 0, "n_completions": 0, "latency_ms": 0, "codes": ()}
    return NewNote(**values | free | {"sentences": told, "facts": facts.dump(pack), "written_by": None})


def _seed(week: date) -> int:
    return week.toordinal() // 7
