"""`slms import-csv`: exports into an organization, with an account of what became of every file and row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from adapters.csv_export import CsvExport, ExportMapping, FileReport, guess_mapping, inspect_export
from adapters.errors import FatalError
from ops.jobs import sync_now
from ops.services import Services
from snapshots.organizations import (
    CrmConnection,
    Organization,
    connect_crm,
    create_organization,
    find_organization,
    list_connections,
)
from snapshots.sync import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What is asked for. time_zone, currency: of an organization that is made by this import."""

    source: Path
    organization: str
    mapping_file: Path | None = None
    time_zone: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """status: as of a sync run. counts: per kind of object, fetched = new + changed + unchanged + rejected."""

    organization: str
    organization_id: int
    connection: str
    run_id: int
    status: str
    error: str | None
    files: tuple[FileReport, ...]
    counts: dict[str, dict[str, int]]


def import_export(
    services: Services, wanted: Import, *, on_progress: Callable[[Progress], None] = lambda _: None
) -> Outcome:
    """Import; the same export again changes nothing. Raises CrmError where nothing of it can be read."""
    mapping = ExportMapping.read(wanted.mapping_file) if wanted.mapping_file else None
    mapping = mapping or _saved_mapping(services, wanted) or guess_mapping(inspect_export(wanted.source))
    if not CsvExport(wanted.source, mapping).capabilities.kinds:  # a wrong path must not leave an organization behind
        raise FatalError(f"{wanted.source} holds no table of deals, leads or anything else known. Check the path.")
    organization = find_organization(services.database, wanted.organization) or create_organization(
        services.database,
        wanted.organization,
        time_zone=wanted.time_zone or services.settings.time_zone,
        default_currency=wanted.currency or services.settings.currency,
    )
    connection = _connect(services, organization, wanted.source, mapping)
    report = sync_now(services, connection, trigger="import", on_progress=on_progress)
    adapter = services.adapter(connection)
    assert isinstance(adapter, CsvExport)
    return Outcome(
        organization=organization.name,
        organization_id=organization.organization_id,
        connection=connection.name,
        run_id=report.run_id,
        status=report.status,
        error=report.error_message,
        files=tuple(adapter.take_stock()) if report.status == "succeeded" else (),
        counts={kind.value: asdict(tally) for kind, tally in report.counts.items()},
    )


def lines_of(outcome: Outcome) -> Iterator[str]:
    """The outcome for a person."""
    yield f"{outcome.organization}, from {outcome.connection}:"
    for file in outcome.files:
        yield from _lines_of_file(file)
    yield "Stored:"
    for kind, tally in outcome.counts.items():
        changes = ", ".join(f"{tally[name]:,} {name}" for name in ("new", "changed", "unchanged") if tally[name])
        yield f"  {kind}: {changes or 'nothing'}"
    yield f"{outcome.status}{': ' + outcome.error if outcome.error else ''} (run {outcome.run_id})"


def _lines_of_file(file: FileReport) -> Iterator[str]:
    if file.left_out is not None:
        yield f"  {file.file}: left out, {file.left_out}"
        return
    refused = sum(file.rejected.values())
    rejected = f", {refused:,} rejected" if refused else ""
    kinds = {"company": "companies", "activity": "activities"}.get(str(file.kind), f"{file.kind}s")
    yield f"  {file.file}: {file.taken:,} of {file.rows:,} rows taken as {kinds}{rejected}"
    for reason, count in file.rejected.items():
        yield f"      {count:,} rejected: {reason}"
    for question in file.questions:
        yield f"      please check: {question}"


def _saved_mapping(services: Services, wanted: Import) -> ExportMapping | None:
    """The mapping of the last import of this export, where it speaks of all its files; a person may have edited it."""
    organization = find_organization(services.database, wanted.organization)
    if organization is None:
        return None
    known = list_connections(services.database, organization.organization_id)
    saved = next((one.settings.get("mapping") for one in known if one.name == _name_of(wanted.source)), None)
    if saved is None:
        return None
    mapping = ExportMapping.model_validate(saved)
    names = {file.name for file in inspect_export(wanted.source).tables}
    return mapping if names <= set(mapping.files) else None


def _connect(services: Services, organization: Organization, source: Path, mapping: ExportMapping) -> CrmConnection:
    return connect_crm(
        services.database,
        organization.organization_id,
        provider="csv",
        name=_name_of(source),
        settings={"path": str(source.resolve()), "mapping": mapping.model_dump(mode="json")},
    )


def _name_of(source: Path) -> str:
    return f"CSV {source.resolve().stem}"
