"""Made-up exports for tests: files from texts, read with the mapping that is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from pathlib import Path

from adapters.csv_export import CsvExport, guess_mapping, inspect_export
from adapters.records import Deal, Kind


def export(folder: Path, *, zone: tzinfo = UTC, encoding: str = "utf-8", **files: str) -> CsvExport:
    """An export of the given files (keyword = name without .csv), with the guessed mapping."""
    return opened(folder, {f"{name}.csv": text for name, text in files.items()}, zone=zone, encoding=encoding)


def opened(folder: Path, files: dict[str, str], *, zone: tzinfo = UTC, encoding: str = "utf-8") -> CsvExport:
    """As `export`, by the files' full names, folders included."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode(encoding))
    return CsvExport(folder, guess_mapping(inspect_export(folder)), zone=zone)


def taken(adapter: CsvExport, kind: Kind) -> list:
    """All records of a kind, in the order of the files."""
    return [change for page in adapter.changes(kind, None) for change in page.changes]


def shown(deals: Sequence[Deal]) -> list[tuple]:
    """What a person would check of a deal first: id, status, amount, currency, owner, days of start and end."""
    return [
        (
            deal.external_id,
            str(deal.status),
            deal.amount_minor,
            deal.currency,
            deal.owner_id,
            str(deal.created_at or "")[:10],
            str(deal.closed_at or deal.close_on or "")[:10],
        )
        for deal in deals
    ]
