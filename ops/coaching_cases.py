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

WEEK: Final = 1
"""The week for which templates are written: any does."""


class NoCompletion(Exception):
    """Nothing usable came within the deadline; a template is written. code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


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
    name = str(case.get("id") or "a case without id")
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


# --- a made-up server ------------------------------------------------------------------------------------------------

TRIES: Final = 4
DEADLINE_S: Final = 20.0
RETRIED: Final = frozenset({408, 409, 425, 429})
REFUSED_OPTION: Final = (
    "response_format",
    "json_schema",
    "json_object",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
)


class ScriptedServer:
    """Answers one after the other, the last one for ever. Time is counted, not spent."""

    def __init__(self, sequence: Sequence[Mapping[str, Any]]) -> None:
        self._answers = [dict(one) for one in sequence] or [{"refuse": True}]
        self._left_s = DEADLINE_S

    def complete(self) -> tuple[str | None, str | None]:
        """Follows the rules of the client: faults that pass are tried again, an option that is refused is left out."""
        last, last_wait_s = "NO_ANSWER", 0.0
        for _ in range(TRIES):
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            self._left_s -= float(answer.get("delay_s") or 0) + last_wait_s
            last_wait_s = _asked_wait_s(answer)
            if self._left_s < 0:
                raise NoCompletion("DEADLINE")
            status = answer.get("status", 200)
            if answer.get("refuse") or answer.get("drop"):
                last = "UNREACHABLE"
            elif status == 200:
                content = _content(answer)
                if content is not None:
                    return content
                last = "NOT_A_COMPLETION"
            elif status in RETRIED or status >= 500:
                last = f"HTTP_{status}"
            elif not (status in {400, 422} and any(one in str(answer.get("body")) for one in REFUSED_OPTION)):
                raise NoCompletion(f"HTTP_{status}")
        raise NoCompletion(last)


def _asked_wait_s(answer: Mapping[str, Any]) -> float:
    """How long a server asks to wait before the next try; a date is no number, and asks for nothing here."""
    headers = {
        str(key).lower().replace("_", "-"): one for key, one in {**answer, **(answer.get("headers") or {})}.items()
    }
    asked = str(headers.get("retry-after") or "0")
    return float(asked) if asked.replace(".", "", 1).isdigit() else 0.0


def _content(answer: Mapping[str, Any]) -> tuple[str | None, str | None] | None:
    """None where a 200 holds no completion: HTML, an error, no choices."""
    if "raw" in answer:
        return answer["raw"], answer.get("finish_reason", "stop")
    try:
        choice = answer["body"]["choices"][0]
        return choice["message"]["content"], choice.get("finish_reason", "stop")
    except (KeyError, IndexError, TypeError):
        return None
