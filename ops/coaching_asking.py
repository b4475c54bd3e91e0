"""Asks a language model for the completions of one note: each request is kept, and paid of the month's budget first."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from insights.coaching.asking import Question
from insights.coaching.writing import Answer, NoCompletion
from ops.llm import Client, Endpoint, LlmUnavailable
from ops.llm_wire import Failure, Reply
from ops.services import Services
from ops.settings import Settings
from snapshots import llm_spending
from snapshots.llm_spending import Allowance, OverBudget
from snapshots.notes import NoteKey
from snapshots.organizations import get_organization

MOST_TOKENS: Final = 700
"""That one answer may have; a note has 150 words."""


@dataclass
class _Spent:
    """Of all requests for a note. None: unknown for one of them."""

    tokens_in: int | None = 0
    tokens_out: int | None = 0
    micro_usd: int | None = 0

    def add(self, tokens_in: int | None, tokens_out: int | None, micro_usd: int | None) -> None:
        self.tokens_in = _sum(self.tokens_in, tokens_in)
        self.tokens_out = _sum(self.tokens_out, tokens_out)
        self.micro_usd = _sum(self.micro_usd, micro_usd)


def _sum(one: int | None, two: int | None) -> int | None:
    return None if one is None or two is None else one + two


@dataclass
class Asking:
    """Asks for the completions of one note, and keeps the ledger of its requests."""

    services: Services
    organization_id: int
    client: Client
    key: NoteKey
    ends_at: float
    clock: Callable[[], float]
    model: str | None = None
    spent: _Spent = field(default_factory=_Spent)

    def __call__(self, question: Question) -> Answer:
        left_s = self.ends_at - self.clock()
        if left_s <= 0:
            raise NoCompletion("DEADLINE")
        try:
            made = self.client.complete(
                question.messages, question.schema, deadline_s=left_s, most_tokens=MOST_TOKENS, ledger=self
            )
        except LlmUnavailable as why:
            raise NoCompletion(why.code) from why
        self.model = made.model
        return Answer(made.text, made.finish_reason)

    def reserve(self, request: Mapping[str, Any]) -> int:
        """As `ops.llm.Ledger`: from the month's budget, by what a request may cost at most."""
        services, organization = self.services, self.organization_id
        now, endpoint, key = services.now(), self.client.endpoint, self.key
        today = now.astimezone(get_organization(services.database, organization).zone).date()
        most_in = len(json.dumps(request).encode())  # a token is at least a byte
        wanted = llm_spending.Request(
            month=today.replace(day=1), owner_id=key.owner_id, week=key.week, note_for=key.note_for,
            host=endpoint.host, model=endpoint.model, body=request, tokens=most_in + MOST_TOKENS,
            micro_usd=endpoint.cost_micro(most_in, MOST_TOKENS),
        )  # fmt: skip
        try:
            return llm_spending.reserve(services.database, organization, wanted, allowance(services.settings), now=now)
        except OverBudget as why:
            raise LlmUnavailable("BUDGET") from why

    def settle(self, number: int, outcome: Reply | Failure, latency_s: float) -> None:
        """As `ops.llm.Ledger`."""
        done = _outcome(self.client.endpoint, outcome, latency_s)
        services = self.services
        llm_spending.settle(services.database, self.organization_id, number, done, now=services.now())
        self.spent.add(done.tokens_in, done.tokens_out, done.micro_usd)


def allowance(settings: Settings) -> Allowance:
    """What may be spent in a month."""
    return Allowance(
        most_tokens=settings.llm_monthly_tokens, most_micro_usd=int(settings.llm_monthly_budget * 1_000_000)
    )


def _outcome(endpoint: Endpoint, outcome: Reply | Failure, latency_s: float) -> llm_spending.Outcome:
    latency_ms = round(1000 * latency_s)
    if isinstance(outcome, Failure):
        free = 0 if outcome.is_free else None
        return llm_spending.Outcome(
            code=outcome.code, tokens_in=free, tokens_out=free, tokens=free, micro_usd=free, latency_ms=latency_ms
        )
    came, went = outcome.tokens_in, outcome.tokens_out
    told = came is not None and went is not None
    return llm_spending.Outcome(
        code="OK", tokens_in=came, tokens_out=went, latency_ms=latency_ms,
        tokens=came + went if came is not None and went is not None else None,
        micro_usd=endpoint.cost_micro(came or 0, went or 0) if told else None,
    )  # fmt: skip
