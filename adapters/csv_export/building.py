"""From the values of a row to a neutral record, with what the survey knows of the other rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from adapters.csv_export.cell_words import CANCELLED, DIRECTION_WORDS, DONE, NO_SHOW
from adapters.csv_export.mapping import FileMapping
from adapters.csv_export.rows import BadRow, Money, RowReader, Values, full_name, key_of
from adapters.csv_export.spelling import key, words
from adapters.csv_export.survey import Part, Survey, line_at, ordered_stages, reference, reference_fields, stage_status
from adapters.records import (
    Activity,
    Company,
    Contact,
    Deal,
    DealStatus,
    Kind,
    Lead,
    Owner,
    Pipeline,
    Product,
    Record,
    Rejection,
    Stage,
    Team,
)

_REMEMBERED = 100_000
DEFAULT_PIPELINE = "default"


@dataclass(frozen=True, slots=True)
class Row:
    """A row that was read: its values, its cells and what names it."""

    values: Values
    cells: list[str]
    external_id: str

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        return None if value is None else str(value)

    def at(self, name: str) -> datetime | None:
        value = self.values.get(name)
        return value if isinstance(value, datetime) else None

    def money(self, name: str) -> tuple[int | None, str | None]:
        value = self.values.get(name)
        return (value.minor, value.currency) if isinstance(value, Money) else (None, None)


class Builder:
    """Builds the records of one file. Repeated ids: the last row wins, the earlier ones are refused."""

    def __init__(self, part: Part, survey: Survey, zone: tzinfo) -> None:
        self._part, self._survey, self._zone = part, survey, zone
        self._reader: RowReader = part.reader
        self._mapping: FileMapping = part.mapping
        build: dict[Kind, Callable[[Row], Record]] = {
            Kind.OWNER: self._owner, Kind.PRODUCT: self._product, Kind.COMPANY: self._company,
            Kind.CONTACT: self._contact, Kind.LEAD: self._lead, Kind.DEAL: self._deal, Kind.ACTIVITY: self._activity,
        }  # fmt: skip
        self._build = build[part.kind]
        self._fields = {kind: reference_fields(kind) for kind in Kind}
        self._found: dict[tuple[Kind, str], str | None] = {}

    def record(self, line: int, cells: list[str] | None) -> Record | Rejection:
        try:
            values = self._reader.read(cells)
        except BadRow as bad:
            return self._reader.rejection(line, cells, str(bad))
        present, kind, place = cells or [], self._part.kind, self._part.place(line)
        identity, own = key_of(kind, values, present)
        if not own:
            identity = f"{identity}-{self._survey.occurrence(kind, identity, place)}"
        elif replaced := self._survey.replaced_by(kind, identity, place):
            reason = f"duplicate id {identity!r}: replaced by line {line_at(replaced)}"
            elsewhere = replaced - line_at(replaced) != place - line
            return self._reader.rejection(line, cells, reason + (" of a later file" if elsewhere else ""))
        return self._build(Row(values, present, identity))

    def _refer(self, kind: Kind, row: Row) -> str | None:
        named = reference(row.values, self._fields[kind])
        if named is None:
            return None
        if (kind, named) not in self._found:
            if len(self._found) > _REMEMBERED:
                self._found.clear()
            self._found[kind, named] = self._survey.names[kind].find(named)
        return self._found[kind, named]

    def _source(self, row: Row) -> str | None:
        source = row.text("source")
        return None if source is None else self._survey.spelling(source)

    def _raw(self, row: Row) -> dict[str, object]:
        return self._reader.raw(row.cells)

    def _owner(self, row: Row) -> Owner:
        team = row.text("team_name") or row.text("manager_name")
        return Owner(
            external_id=row.external_id,
            name=full_name(row.values),
            email=row.text("email"),
            team_id=team,
            is_active=row.values.get("active") is not False,
            since=row.at("since"),
            raw=self._raw(row),
        )

    def team(self, line: int, cells: list[str] | None) -> Team | None:
        """The team that a row of an owners file speaks of."""
        record = self.record(line, cells)
        if not isinstance(record, Owner) or record.team_id is None:
            return None
        row = Row(self._reader.read(cells), cells or [], record.external_id)
        manager = row.text("manager_name")
        return Team(
            external_id=record.team_id,
            name=row.text("team_name") or manager,
            manager_id=self._survey.names[Kind.OWNER].find(manager),
            manager_name=manager,
            region=row.text("region"),
        )

    def _product(self, row: Row) -> Product:
        price, currency = row.money("price")
        return Product(
            external_id=row.external_id,
            name=row.text("name") or row.external_id,
            family=row.text("family"),
            price_minor=price,
            currency=currency,
            raw=self._raw(row),
        )

    def _company(self, row: Row) -> Company:
        revenue, currency = row.money("revenue")
        employees = row.values.get("employees")
        return Company(
            external_id=row.external_id,
            name=row.text("name") or row.text("domain"),
            domain=row.text("domain"),
            industry=row.text("industry"),
            country=row.text("country"),
            employees=employees if isinstance(employees, int) else None,
            revenue_minor=revenue,
            currency=currency,
            owner_id=self._refer(Kind.OWNER, row),
            created_at=row.at("created_at"),
            raw=self._raw(row),
        )

    def _contact(self, row: Row) -> Contact:
        return Contact(
            external_id=row.external_id,
            name=full_name(row.values),
            email=row.text("email"),
            phone=row.text("phone"),
            company_id=self._refer(Kind.COMPANY, row),
            owner_id=self._refer(Kind.OWNER, row),
            created_at=row.at("created_at"),
            raw=self._raw(row),
        )

    def _lead(self, row: Row) -> Lead:
        deal_id, became_at = self._survey.deal_of_lead.get(key(row.external_id), (None, None))
        deal_id = deal_id or self._survey.names[Kind.DEAL].find(row.text("deal_id")) or row.text("deal_id")
        return Lead(
            external_id=row.external_id,
            name=full_name(row.values),
            email=row.text("email"),
            phone=row.text("phone"),
            company_name=row.text("company_name"),
            owner_id=self._refer(Kind.OWNER, row),
            source=self._source(row),
            campaign=row.text("campaign"),
            status=row.text("status"),
            created_at=row.at("created_at"),
            converted=self._converted(row, deal_id),
            converted_at=row.at("converted_at") or became_at,
            deal_id=deal_id,
            fields=self._reader.others(row.cells),
            raw=self._raw(row),
        )

    def _converted(self, row: Row, deal_id: str | None) -> bool | None:
        if deal_id is not None or row.values.get("converted_at") is not None:
            return True
        told = row.values.get("converted")
        if isinstance(told, bool):
            return told
        # A lead that none of the joined deals names is known not to have become one.
        knows = self._survey.deal_of_lead or self._mapping.columns.keys() & {"converted_at", "deal_id"}
        return False if knows else None

    def _deal(self, row: Row) -> Deal:
        amount, currency = row.money("amount")
        status = self._status(row)
        lead = row.text("lead_id")
        lead_at, lead_source = self._survey.lead_of_deal.get(key(lead), (None, None)) if lead else (None, None)
        source = self._source(row) or (self._survey.spelling(lead_source) if lead_source else None)
        pipeline, stage = stage_ids(self._survey, row.text("pipeline"), row.text("stage"))
        return Deal(
            external_id=row.external_id,
            name=self._deal_name(row),
            pipeline_id=pipeline,
            stage_id=stage,
            status=status,
            amount_minor=amount,
            currency=currency,
            owner_id=self._refer(Kind.OWNER, row),
            company_id=self._refer(Kind.COMPANY, row),
            product_id=self._refer(Kind.PRODUCT, row),
            contact_ids=self._contacts(row),
            source=source,
            campaign=row.text("campaign"),
            created_at=row.at("created_at") or lead_at,
            closed_at=_closed_at(row, status),
            close_on=self._close_on(row) if status is DealStatus.OPEN else None,
            modified_at=row.at("modified_at"),
            amount_known_at_close=self._mapping.amount_known_at_close,
            raw=self._raw(row),
        )

    def _contacts(self, row: Row) -> tuple[str, ...]:
        told = row.text("contact_id") or row.text("contact_name")
        if told is None:
            return ()
        known = self._survey.names[Kind.CONTACT]
        found = [known.find(part.strip()) for part in told.split(";") if part.strip()]
        return tuple(dict.fromkeys(contact for contact in found if contact))

    def _deal_name(self, row: Row) -> str:
        if (name := row.text("name")) is not None:
            return name
        named = (self._survey.names[kind].label(self._refer(kind, row)) for kind in (Kind.COMPANY, Kind.PRODUCT))
        return " - ".join(filter(None, named)) or row.external_id

    def _status(self, row: Row) -> DealStatus:
        """What a deal is: by its status, its stage, its flags, its dates, in this order."""
        for name in ("status", "stage"):
            if (text := row.text(name)) is not None:
                found = stage_status(self._mapping, text)
                if found and (found is not DealStatus.OPEN or name == "status"):
                    return found
        return self._status_by_flags(row)

    def _status_by_flags(self, row: Row) -> DealStatus:
        values, mapping = row.values, self._mapping
        if values.get("is_won") or values.get("won_at"):
            return DealStatus.WON
        if values.get("lost_at") or (values.get("is_closed") and "is_won" in values):
            return DealStatus.LOST
        if values.get("is_won") is False and not mapping.columns.keys() & {"stage", "status", "is_closed"}:
            return DealStatus.LOST  # nothing else could tell of a deal that is still open
        told = mapping.columns.keys() & {"status", "stage", "is_won", "won_at", "lost_at"}
        ended = values.get("is_closed") or (not told and values.get("closed_at"))
        return mapping.closed_means if ended else DealStatus.OPEN

    def _close_on(self, row: Row) -> date | None:
        expected = row.values.get("expected_close_on")
        if isinstance(expected, date):
            return expected
        closed_at = row.at("closed_at")
        return closed_at.astimezone(self._zone).date() if closed_at else None

    def _activity(self, row: Row) -> Activity:
        kind = row.values.get("kind") or self._mapping.activity_kind
        duration = row.values.get("duration")
        find = self._survey.names
        # One column may name any of several kinds, as Salesforce's WhoId and WhatId do.
        who = row.text("contact_id") or row.text("contact_name")
        about = row.text("deal_id") or row.text("deal_name")
        return Activity(
            external_id=row.external_id,
            kind=kind,  # type: ignore[arg-type]
            owner_id=self._refer(Kind.OWNER, row),
            occurred_at=row.at("occurred_at"),
            direction=_direction(row),
            outcome=_outcome(row.text("outcome")),
            duration_s=duration if isinstance(duration, int) else None,
            deal_id=find[Kind.DEAL].find(about),
            contact_id=find[Kind.CONTACT].find(who),
            company_id=self._refer(Kind.COMPANY, row) or find[Kind.COMPANY].find(about),
            lead_id=find[Kind.LEAD].find(row.text("lead_id") or who),
            subject=row.text("subject"),
            raw=self._raw(row),
        )


def _closed_at(row: Row, status: DealStatus) -> datetime | None:
    if status is DealStatus.OPEN:
        return None
    own = "won_at" if status is DealStatus.WON else "lost_at"
    return row.at(own) or row.at("closed_at")


def _direction(row: Row) -> str | None:
    told = words(row.text("direction") or "")
    for direction, known in DIRECTION_WORDS.items():
        if told in known or set(told.split()) & set(known):
            return direction
    return None


def _outcome(text: str | None) -> str | None:
    """In the CRM's words, but for the few that mean the same everywhere."""
    if text is None:
        return None
    told = words(text)
    if told in CANCELLED:
        return "cancelled"
    return "no_show" if told in NO_SHOW else "completed" if told in DONE else text


# --- what is only spoken of ----------------------------------------------------------------------------------------


def stage_ids(survey: Survey, pipeline: str | None, stage: str | None) -> tuple[str | None, str | None]:
    """The ids of a deal's pipeline and stage; no stage, no pipeline to be in but for a named one."""
    if stage is None:
        return pipeline, None
    seen = survey.stages[key(pipeline or ""), key(stage)]
    named = seen.pipeline or DEFAULT_PIPELINE
    return named, seen.name if seen.pipeline is None else f"{seen.pipeline} / {seen.name}"


def derived(kind: Kind, survey: Survey, mappings: list[FileMapping]) -> list[Record]:
    """Records of what deals and leads speak of and no file describes."""
    if kind is Kind.STAGE:
        return list(_stages(survey, mappings))
    if kind is Kind.PIPELINE:
        names = dict.fromkeys(stage.pipeline_id for stage in _stages(survey, mappings))
        return [Pipeline(external_id=name, name=_pipeline_name(name), position=at) for at, name in enumerate(names)]
    found: Mapping[str, Values] = survey.derived.get(kind, {})
    if kind is Kind.OWNER:
        return [
            Owner(external_id=at, name=_text(values, "name"), email=_text(values, "email"))
            for at, values in found.items()
        ]
    if kind is Kind.COMPANY:
        return [Company(external_id=at, name=_text(values, "name")) for at, values in found.items()]
    return [Product(external_id=at, name=_text(values, "name") or at) for at, values in found.items()]


def _pipeline_name(external_id: str) -> str:
    return "Pipeline" if external_id == DEFAULT_PIPELINE else external_id


def _text(values: Values, name: str) -> str | None:
    return None if values[name] is None else str(values[name])


def _stages(survey: Survey, mappings: list[FileMapping]) -> Iterator[Stage]:
    places: dict[str, int] = {}
    for seen in ordered_stages(survey, mappings):
        pipeline, external_id = stage_ids(survey, seen.pipeline, seen.name)
        if pipeline is None or external_id is None:
            continue
        position = places[pipeline] = places.get(pipeline, -1) + 1
        yield Stage(
            external_id=external_id, pipeline_id=pipeline, name=seen.name, position=position, status=seen.status
        )
