"""What is written to the demo CRM: a port, because it must outlive the process and be shared by all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class DemoStore(Protocol):
    """Contacts by e-mail address (lower case). Records are JSON-ready."""

    def get(self, email: str) -> Mapping[str, object] | None: ...

    def put(self, email: str, record: Mapping[str, object]) -> None: ...

    def all(self) -> list[Mapping[str, object]]: ...


@dataclass(slots=True)
class MemoryDemoStore:
    """For one process."""

    _records: dict[str, dict[str, object]] = field(default_factory=dict)

    def get(self, email: str) -> Mapping[str, object] | None:
        return self._records.get(email)

    def put(self, email: str, record: Mapping[str, object]) -> None:
        self._records[email] = dict(record)

    def all(self) -> list[Mapping[str, object]]:
        return list(self._records.values())
