"""Leads of the demo world: where they come from, how fast they are called, which of them convert.

Conversion depends on known drivers: a lead's propensity is their sum plus logistic noise, and of each week's leads
those with the highest propensity convert, as many as the week has deals from leads.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from adapters.demo.calendar import NEVER
from adapters.demo.companies import CONTACTS_PER_COMPANY
from adapters.demo.draws import Bools, Floats, Ints
from adapters.demo.scene import Scene

SOURCES = ("Website", "Referral", "Partner", "Event", "Outbound", "Paid search")
SOURCE_WEIGHTS = (0.34, 0.12, 0.12, 0.12, 0.12, 0.18)
LEAD_SOURCE_DRIVER = (0.0, 1.3, 0.7, 0.2, -0.6, -0.8)
"""Log-odds of conversion, beside a website lead, in the order of SOURCES."""
LEAD_DAY_DRIVER = -0.35
"""Log-odds for each working day that a lead waits for its first contact."""
LEAD_LARGE_DRIVER = 0.5
_WAIT_WEIGHTS = (0.35, 0.25, 0.15, 0.1, 0.08, 0.07)
_GIVEN_UP_AFTER = 22
DELETED_LEADS = 0.012


@dataclass(frozen=True, slots=True)
class Leads:
    """The leads of one week. deal: number of the deal that it became (−1: none); contact: who it is."""

    index: Ints
    source: Ints
    contact: Ints
    owner: Ints
    created: Ints
    created_working: Ints
    wait: Ints
    first_touch: Ints
    converted: Ints
    converted_working: Ints
    given_up: Ints
    deleted: Ints
    deal: Ints

    def __len__(self) -> int:
        return len(self.index)

    def take(self, rows: Ints | Bools) -> Leads:
        return Leads(*(getattr(self, item.name)[rows] for item in fields(self)))


def draw_leads(scene: Scene, week: int, index: Ints, deals: Ints) -> Leads:
    """index: the numbers of the week's leads; deals: numbers of the deals that its best leads become."""
    dice, calendar = scene.dice, scene.calendar
    day = scene.day_in_week("lead.day", index, week)
    created = scene.office_instant("lead.hour", day, index)
    working = calendar.working(day)
    source = dice.choice("lead.source", index, SOURCE_WEIGHTS)
    wait = dice.choice("lead.wait", index, _WAIT_WEIGHTS)
    company = scene.recent_company("lead.company", index, week)
    deal = _best(_propensity(scene, index, source, wait, company), deals)
    is_converted = deal >= 0
    converted_working = working + wait + 1 + dice.whole("lead.decides", index, 0, 8)
    converted = scene.office_instant("lead.converted", calendar.day(converted_working), index)
    soon = created + 900 + (dice.uniform("lead.soon", index) * 9000).astype(np.int64)
    touched = scene.office_instant("lead.touched", calendar.day(working + wait), index)
    given_up = calendar.instant(calendar.day(working + wait + _GIVEN_UP_AFTER), np.full(len(index), 17 * 3600))
    seat = dice.choice("lead.seat", index, scene.staff.weights)
    gone = (dice.uniform("lead.deleted", index) < DELETED_LEADS) & ~is_converted
    never = np.int64(NEVER)
    return Leads(
        index=index,
        source=source,
        contact=company * CONTACTS_PER_COMPANY,
        owner=scene.staff.person_at(seat, created),
        created=created,
        created_working=working,
        wait=wait,
        first_touch=np.where(wait == 0, soon, touched),
        converted=np.where(is_converted, converted, never),
        converted_working=converted_working,
        given_up=np.where(is_converted, never, given_up),
        deleted=np.where(gone, given_up + 3 * 86_400, never),
        deal=deal,
    )


def _propensity(scene: Scene, index: Ints, source: Ints, wait: Ints, company: Ints) -> Floats:
    odds = np.asarray(LEAD_SOURCE_DRIVER)[source] + LEAD_LARGE_DRIVER * scene.is_large(company)
    odds += LEAD_DAY_DRIVER * wait
    return np.asarray(odds + scene.luck("lead.luck", index), dtype=np.float64)


def chances_on_arrival(scene: Scene, leads: Leads) -> Floats:
    """The chance of each lead to convert as it stands on arrival: by its source and company, whatever wait follows.
    leads: all of one week."""
    company = leads.contact // CONTACTS_PER_COMPANY
    bar = _bar(_propensity(scene, leads.index, leads.source, leads.wait, company), leads.deal >= 0)
    known = np.asarray(LEAD_SOURCE_DRIVER)[leads.source] + LEAD_LARGE_DRIVER * scene.is_large(company) - bar
    return sum(
        (share / (1 + np.exp(-(known + LEAD_DAY_DRIVER * wait))) for wait, share in enumerate(_WAIT_WEIGHTS)),
        np.zeros(len(leads)),
    )


def _bar(propensity: Floats, is_converted: Bools) -> float:
    """The propensity that parts a week's converted leads from the others."""
    if not is_converted.any() or is_converted.all():
        return float("inf") if not is_converted.any() else float("-inf")
    return float(propensity[is_converted].min() + propensity[~is_converted].max()) / 2


def _best(propensity: Floats, deals: Ints) -> Ints:
    """The deal of each lead: the leads with the highest propensity get one, the others −1."""
    deal = np.full(len(propensity), -1, dtype=np.int64)
    best = np.sort(np.argsort(-propensity, kind="stable")[: len(deals)])
    deal[best] = deals
    return deal
