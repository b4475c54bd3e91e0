"""Weeks of the demo world as neutral records, as they stand at an instant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from adapters.demo.activities import DIRECTIONS, EMAIL, KINDS, OUTCOMES, Activities
from adapters.demo.calendar import as_time, day_of
from adapters.demo.companies import CONTACTS_PER_COMPANY, Rows
from adapters.demo.deals import PRODUCTS, STAGE_NAMES, STAGE_PROBABILITIES, Deals
from adapters.demo.draws import Bools, Ints
from adapters.demo.frames import activity_ids
from adapters.demo.leads import SOURCES, Leads
from adapters.demo.names import COUNTRIES, CURRENCIES, firm_domain, firm_industry, firm_name, misspelt
from adapters.demo.staff import TEAM_NAMES
from adapters.demo.world import DemoWorld
from adapters.records import (
    Activity,
    Company,
    Contact,
    Deal,
    DealChange,
    DealField,
    DealStatus,
    Lead,
    Owner,
    Pipeline,
    Product,
    Stage,
    Team,
)

PIPELINE_NAMES = ("New business", "Renewals")
_PREFIX = ("new", "renew")
_SUBJECTS = (
    "Your question",
    "Follow-up",
    "Offer",
    "Next steps",
    "Demo of Nordlicht",
    "Contract",
    "Re: prices",
    "Check-in",
)


# stage ids by pipeline: the open ones (a pipeline with fewer repeats its last), won, lost
_STAGE_IDS = np.array(
    [
        [f"{prefix}-{min(stage, len(names) - 1) + 1}" for stage in range(5)] + [f"{prefix}-won", f"{prefix}-lost"]
        for prefix, names in zip(_PREFIX, STAGE_NAMES, strict=True)
    ],
    dtype=object,
)


def stage_id(pipeline: int, stage: int) -> str:
    return f"{_PREFIX[pipeline]}-{stage + 1}"


def closed_stage_id(pipeline: int, won: bool) -> str:
    return f"{_PREFIX[pipeline]}-{'won' if won else 'lost'}"


# --- what does not change ---


def teams(world: DemoWorld) -> list[Team]:
    staff = world.staff
    return [
        Team(
            external_id=f"T{number}", name=name, region=region, manager_id=f"U{number}" if staff.has_managers else None
        )
        for number, (name, region) in enumerate(TEAM_NAMES[: staff.teams])
    ]


def pipelines() -> list[Pipeline]:
    return [
        Pipeline(external_id=prefix, name=name, position=position)
        for position, (prefix, name) in enumerate(zip(_PREFIX, PIPELINE_NAMES, strict=True))
    ]


def stages() -> list[Stage]:
    found = []
    for pipeline, names in enumerate(STAGE_NAMES):
        for position, name in enumerate(names):
            probability = STAGE_PROBABILITIES[pipeline][position]
            found.append(_stage(pipeline, position, name, probability, DealStatus.OPEN))
        for won, name, status in ((True, "Won", DealStatus.WON), (False, "Lost", DealStatus.LOST)):
            found.append(_stage(pipeline, len(names) + (not won), name, float(won), status))
    return found


def _stage(pipeline: int, position: int, name: str, probability: float, status: DealStatus) -> Stage:
    is_open = status is DealStatus.OPEN
    return Stage(
        external_id=stage_id(pipeline, position) if is_open else closed_stage_id(pipeline, status is DealStatus.WON),
        pipeline_id=_PREFIX[pipeline],
        name=name,
        position=position,
        probability=probability,
        status=status,
    )


def products() -> list[Product]:
    return [
        Product(external_id=f"R{number}", name=name, family=family, price_minor=int(price) * 100, currency="EUR")
        for number, (name, family, price, _) in enumerate(PRODUCTS)
    ]


def owner_states(world: DemoWorld, until: int) -> list[tuple[int, Owner]]:
    """(instant, owner as of then) for everyone hired by `until`, each person's states oldest first."""
    found = []
    for person in world.staff.people:
        if (person.hired_at or 0) > until:
            continue
        for since, team, is_active in world.staff.states_of(person, until):
            owner = Owner(
                external_id=f"U{person.number}",
                name=person.name,
                email=person.email,
                team_id=f"T{team}",
                is_active=is_active,
                since=as_time(since) if since is not None else None,
            )
            found.append((since or 0, owner))
    return found


# --- buyers ---


def companies(world: DemoWorld, rows: Rows) -> list[Company]:
    market, subject = world.market, rows.subject
    seat = market.seat(subject, world.staff.weights)
    columns = zip(
        rows.record.tolist(), subject.tolist(), rows.is_duplicate.tolist(), rows.created.tolist(),
        market.country(subject).tolist(), market.employees(subject).tolist(),
        world.staff.person_at(seat, rows.created).tolist(),
        world.dice.uniform("company.misspelt", subject).tolist(), strict=True,
    )  # fmt: skip
    return [
        Company(
            external_id=f"C{record}",
            name=misspelt(firm_name(index), way) if is_duplicate else firm_name(index),
            domain=("www." if is_duplicate else "") + firm_domain(index),
            industry=firm_industry(index),
            country=COUNTRIES[country],
            employees=None if is_duplicate else employees,
            owner_id=f"U{owner}",
            created_at=as_time(created),
        )
        for record, index, is_duplicate, created, country, employees, owner, way in columns
    ]


def contacts(world: DemoWorld, rows: Rows) -> list[Contact]:
    market, subject = world.market, rows.subject
    company = subject // CONTACTS_PER_COMPANY
    seat = market.seat(company, world.staff.weights)
    people = market.person(subject)
    columns = zip(
        rows.record.tolist(), subject.tolist(), people, rows.is_duplicate.tolist(), rows.created.tolist(),
        world.staff.person_at(seat, rows.created).tolist(),
        world.dice.uniform("contact.misspelt", subject).tolist(), strict=True,
    )  # fmt: skip
    return [
        Contact(
            external_id=f"P{record}",
            name=misspelt(person.full, way) if is_duplicate else person.full,
            email=_address(person.mailbox, index, is_duplicate),
            phone=None if index % 3 == 1 else f"+49 30 5550{index:06d}",
            company_id=f"C{2 * (index // CONTACTS_PER_COMPANY)}",
            owner_id=f"U{owner}",
            created_at=as_time(created),
        )
        for record, index, person, is_duplicate, created, owner, way in columns
    ]


def _address(mailbox: str, contact: int, is_duplicate: bool) -> str:
    company, place = divmod(contact, CONTACTS_PER_COMPANY)
    written = mailbox.rsplit(".", maxsplit=1)[-1] if is_duplicate else mailbox
    return f"{written}{place + 1 if place else ''}@{firm_domain(company)}"


def contacts_at(world: DemoWorld, email: str) -> Ints:
    """Numbers of the contacts that may have this address: those of the company that its domain belongs to."""
    domain = email.rpartition("@")[2]
    digits = domain.removeprefix("company").removesuffix(".example.com")
    if not (digits.isascii() and digits.isdigit()) or firm_domain(int(digits)) != domain:
        return np.array([], dtype=np.int64)
    company = np.array([int(digits)], dtype=np.int64)
    return int(digits) * CONTACTS_PER_COMPANY + np.arange(int(world.market.contact_count(company)[0]), dtype=np.int64)


# --- leads ---


def leads(world: DemoWorld, rows: Leads, until: int) -> list[Lead]:
    converted, dice = rows.converted <= until, world.dice
    large = world.scene.is_large(rows.contact // CONTACTS_PER_COMPANY)
    status = np.select(
        [converted, rows.given_up <= until, rows.first_touch <= until], ["converted", "unqualified", "working"], "new"
    )
    # A lead that came to nothing is somebody of whom no other record speaks.
    known = np.where(rows.deal >= 0, rows.contact, 3_000_000_000 + 3 * rows.index)
    columns = zip(
        rows.index.tolist(), known.tolist(), world.market.person(known), rows.owner.tolist(), rows.source.tolist(),
        status.tolist(), rows.created.tolist(), converted.tolist(), rows.converted.tolist(), rows.deal.tolist(),
        dice.whole("lead.pages", rows.index, 1, 30).tolist(), large.tolist(), strict=True,
    )  # fmt: skip
    return [
        Lead(
            external_id=f"L{index}",
            name=person.full,
            email=_address(person.mailbox, who, False),
            company_name=firm_name(who // CONTACTS_PER_COMPANY),
            owner_id=f"U{owner}",
            source=SOURCES[source],
            campaign=campaign(source, as_time(created)),
            status=now,
            created_at=as_time(created),
            converted=is_converted,
            converted_at=as_time(when) if is_converted else None,
            deal_id=f"D{deal}" if is_converted else None,
            fields={"pages_viewed": pages, "company_size": "more than 100" if is_large else "up to 100"},
        )
        for index, who, person, owner, source, now, created, is_converted, when, deal, pages, is_large in columns
    ]


def campaign(source: int, created: datetime) -> str | None:
    """The campaign that brought a lead or deal of this source at this time."""
    quarter = f"{created.year} Q{(created.month + 2) // 3}"
    return {2: f"Partner days {created.year}", 3: f"Trade fair {quarter}", 5: f"Search {quarter}"}.get(source)


# --- deals ---


def deals(world: DemoWorld, rows: Deals, until: int) -> list[Deal]:
    columns = zip(
        rows.number.tolist(), rows.pipeline.tolist(), rows.product.tolist(), rows.source.tolist(),
        rows.company.tolist(), rows.lead.tolist(), rows.currency.tolist(), rows.created.tolist(), rows.closed.tolist(),
        rows.won.tolist(), world.market.contact_count(rows.company).tolist(), rows.last_change(until).tolist(),
        strict=True,
    )  # fmt: skip
    histories = _histories(rows, until)
    return [_deal(row, history, until) for row, history in zip(columns, histories, strict=True)]


_DealRow = tuple[int, int, int, int, int, int, int, int, int, bool, int, int]


def _deal(row: _DealRow, history: tuple[DealChange, ...], until: int) -> Deal:
    number, pipeline, product, source, company, lead, currency, created, closed, won, people, modified = row
    last = {change.field: change.value for change in history}
    created_at, modified_at = as_time(created), as_time(modified)
    code, name = CURRENCIES[currency], f"{firm_name(company)}: {PRODUCTS[product][0]}"
    is_closed, amount = closed <= until, last[DealField.AMOUNT]
    first = company * CONTACTS_PER_COMPANY
    external_id = f"D{number}"
    return Deal(
        external_id=external_id,
        name=misspelt(name, number % 97 / 97) if number % 2 else name,
        pipeline_id=_PREFIX[pipeline],
        stage_id=last[DealField.STAGE],  # type: ignore[arg-type]  # what a field's history holds is said in DealChange
        status=(DealStatus.WON if won else DealStatus.LOST) if is_closed else DealStatus.OPEN,
        amount_minor=amount,  # type: ignore[arg-type]
        currency=code if amount is not None else None,
        owner_id=last[DealField.OWNER],  # type: ignore[arg-type]
        company_id=f"C{2 * company}",
        product_id=f"R{product}",
        contact_ids=tuple(f"P{2 * (first + place)}" for place in range(min(people, 2))),
        source=SOURCES[source] if source >= 0 else None,
        campaign=campaign(source, created_at),
        created_at=created_at,
        closed_at=as_time(closed) if is_closed else None,
        close_on=last[DealField.CLOSE_DATE],  # type: ignore[arg-type]
        modified_at=modified_at,
        history=history,
        raw={
            "id": external_id, "dealname": name, "pipeline": _PREFIX[pipeline], "dealstage": last[DealField.STAGE],
            "amount": amount, "currency": code, "owner": last[DealField.OWNER],
            "closedate": str(last[DealField.CLOSE_DATE]), "createdate": created_at.isoformat(),
            "lastmodified": modified_at.isoformat(), "lead": f"L{lead}" if lead >= 0 else None,
        },
    )  # fmt: skip


def _histories(rows: Deals, until: int) -> list[tuple[DealChange, ...]]:
    """What each deal's fields have been by `until`, field by field, oldest first."""
    parts = (
        (DealField.STAGE, rows.stage_at, _STAGE_IDS[rows.pipeline][:, :5]),
        (DealField.STAGE, rows.closed[:, None], _STAGE_IDS[rows.pipeline, np.where(rows.won, 5, 6)][:, None]),
        (DealField.AMOUNT, rows.amount_at, _as_objects(rows.amount, rows.amount >= 0, int)),
        (DealField.CLOSE_DATE, rows.close_at, _as_objects(rows.close_day, rows.close_at <= until, day_of)),
        (DealField.OWNER, rows.owner_at, _as_objects(rows.owner, rows.owner_at <= until, "U{}".format)),
    )
    at = np.concatenate([times for _, times, _ in parts], axis=1)
    values = np.concatenate([held for _, _, held in parts], axis=1)
    names = [field for field, times, _ in parts for _ in range(times.shape[1])]
    shown = at <= until
    columns = np.nonzero(shown)[1].tolist()
    changes = [
        DealChange(names[column], as_time(time), value)
        for column, time, value in zip(columns, at[shown].tolist(), values[shown].tolist(), strict=True)
    ]
    ends = np.cumsum(shown.sum(axis=1)).tolist()
    return [tuple(changes[start:end]) for start, end in zip([0, *ends], ends, strict=False)]


def _as_objects(numbers: Ints, used: Bools, convert: Callable[[int], object]) -> NDArray[np.object_]:
    """Numbers as what they mean; None where they are not used."""
    found = np.full(numbers.shape, None, dtype=object)
    distinct, where = np.unique(numbers[used], return_inverse=True)
    meanings = np.empty(len(distinct), dtype=object)
    meanings[:] = [convert(number) for number in distinct.tolist()]
    found[used] = meanings[where]
    return found


# --- activities ---


def activities(rows: Activities, until: int) -> list[Activity]:
    from_timestamp = datetime.fromtimestamp
    columns = zip(
        activity_ids(rows), rows.kind.tolist(), rows.owner.tolist(), rows.occurred.tolist(), rows.direction.tolist(),
        rows.outcome_at(until).tolist(), rows.duration.tolist(), rows.deal.tolist(), rows.lead.tolist(),
        rows.company.tolist(), rows.contact.tolist(), strict=True,
    )  # fmt: skip
    return [
        Activity(
            external_id=external_id,
            kind=KINDS[kind],
            owner_id=f"U{owner}",
            occurred_at=from_timestamp(occurred, UTC),
            direction=DIRECTIONS[direction],
            outcome=OUTCOMES[outcome],
            duration_s=duration if duration >= 0 else None,
            deal_id=f"D{deal}" if deal >= 0 else None,
            lead_id=f"L{lead}" if lead >= 0 else None,
            company_id=f"C{2 * company}" if company >= 0 else None,
            contact_id=f"P{2 * contact}" if contact >= 0 else None,
            subject=_SUBJECTS[occurred % 8] if kind == EMAIL else None,
        )
        for external_id, kind, owner, occurred, direction, outcome, duration, deal, lead, company, contact in columns
    ]
