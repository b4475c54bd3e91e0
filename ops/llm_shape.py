"""What a request to a language model holds, and what is left out of it where a server refuses that.

Servers that speak Chat Completions differ in few things: how an answer's form is asked for, how its length is limited,
and whether temperature and reasoning effort may be named. The rest is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

Format = Literal["json_schema", "json_object", "plain"]
LADDER: Final[Mapping[Format, Format | None]] = {
    "json_schema": "json_object", "json_object": "plain", "plain": None,
}  # fmt: skip
NAMES_A_FORMAT: Final = ("response_format", "json_schema", "json_object", "structured output", "guided_json", "grammar")
TEMPERATURE: Final = 0.3
Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Shape:
    """How requests to one model are put. The first one says everything."""

    format: Format = "json_schema"
    tokens: Literal["max_tokens", "max_completion_tokens"] | None = "max_tokens"
    has_temperature: bool = True
    has_reasoning: bool = True

    def request(
        self, model: str, messages: Messages, schema: Mapping[str, Any], *, most_tokens: int, reasoning: str | None
    ) -> dict[str, Any]:
        """The body of a request."""
        made: dict[str, Any] = {"model": model, "messages": [dict(one) for one in messages]}
        if self.format == "json_schema":
            form = {"name": "coaching_note", "strict": True, "schema": dict(schema)}
            made["response_format"] = {"type": "json_schema", "json_schema": form}
        elif self.format == "json_object":
            made["response_format"] = {"type": "json_object"}
        if self.tokens is not None:
            made[self.tokens] = most_tokens
        if self.has_temperature:
            made["temperature"] = TEMPERATURE
        if self.has_reasoning and reasoning is not None:
            made["reasoning_effort"] = reasoning
        return made

    def without(self, refusal: str) -> Shape | None:
        """The shape without what a refusal names; None where it names nothing that this one has."""
        said = refusal.lower()
        if self.has_reasoning and "reasoning" in said:
            return replace(self, has_reasoning=False)
        if self.tokens == "max_tokens" and "max_tokens" in said:
            return replace(self, tokens="max_completion_tokens")
        if self.tokens == "max_completion_tokens" and "max_completion_tokens" in said:
            return replace(self, tokens=None)
        if self.has_temperature and "temperature" in said:
            return replace(self, has_temperature=False)
        below = LADDER[self.format]
        if below is not None and any(name in said for name in NAMES_A_FORMAT):
            return replace(self, format=below)
        return None
