"""Cases for the verifier, as a file holds them: facts, a good and a bad answer, a template, and what a server sends.

Plays the answers of a made-up server through whatever completes (`Completions`); knows no network and no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from insights.coaching import facts, templates
from insights.coaching.facts import BadFacts, Pack
from insights.coaching.verifier import Verdict, verify, worst
from insights.coaching.writing import NoCompletion

WEEK: Final = 1
"""The week for which templates are written: any does."""


class Completions(Protocol):
    """What completes a note: one call is one completion, with all retries of the transport inside it."""

    def complete(self) -> tuple[str | None, str | None]:
        """The text and the finish reason. Raises NoCompletion."""
        ...


Player = Callable[[Sequence[Mapping[str, Any]]], Completions]
"""Makes of a made-up server's answers what completes."""


@dataclass(frozen=True, slots=True)
class CaseReport:
    """Verdicts of one case; None where the case has nothing of that kind."""

    id: str
    good: str | None
    bad: str | None
    template: str
    codes: tuple[str, ...]


def check(case: Mapping[str, Any], play: Player) -> CaseReport:
    """Judges what a case holds. Raises BadFacts, with the case's id."""
    if not isinstance(case, Mapping):
        raise BadFacts("a case is not an object with facts")
    name = str(case.get("id") or "a case without id")
    for which in ("good", "bad"):
        if not isinstance(case.get(which) or {}, Mapping):
            raise BadFacts(f"{name}: its {which} answer is not an object with raw, text or transport")
    try:
        pack = facts.read(case)
    except BadFacts as why:
        raise BadFacts(f"{name}: {why}") from why
    good, bad = (_answered(pack, case.get(which), play) for which in ("good", "bad"))
    return CaseReport(
        id=name,
        good=good.verdict if good else None,
        bad=bad.verdict if bad else None,
        template=of_template(pack).verdict,
        codes=bad.codes if bad else (),
    )


def of_template(pack: Pack) -> Verdict:
    """The verdict on the template, as rendered and as prose."""
    if not pack.facts:
        return Verdict("accept")
    note = templates.write(pack, WEEK)
    return worst([verify(pack, note=note), verify(pack, text=note.text)])


def _answered(pack: Pack, answer: Mapping[str, Any] | None, play: Player) -> Verdict | None:
    """The worst verdict over the raw answer, the prose and the server's answers of a case; None without any answer."""
    if not answer:
        return None
    verdicts: list[Verdict] = []
    raw, text, transport = answer.get("raw"), answer.get("text"), answer.get("transport")
    if raw is not None or (text is None and not transport):
        verdicts.append(verify(pack, raw=raw, finish_reason=answer.get("finish_reason", "stop")))
    if text is not None:
        verdicts.append(verify(pack, text=text))
    if transport:
        verdicts.append(written(pack, play(transport["sequence"])))
    return worst(verdicts)


def written(pack: Pack, completions: Completions) -> Verdict:
    """Asks, and once more where the answer is refused: accept, or fallback to the template."""
    codes: list[str] = []
    for _ in range(2):
        try:
            text, reason = completions.complete()
        except NoCompletion as why:
            return Verdict("fallback", tuple(dict.fromkeys((*codes, why.code))))
        verdict = verify(pack, raw=text, finish_reason=reason)
        codes += verdict.codes
        if verdict.is_accepted:
            return verdict
    return Verdict("fallback", tuple(dict.fromkeys(codes)))
