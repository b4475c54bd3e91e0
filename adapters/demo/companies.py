"""Companies and contacts of the demo world. Everything about one follows from its number, so each can be found alone.

Companies `index` have up to three contacts, numbers 3 × index and on. A duplicate is a second record of the same
company or person, spelt differently, created later; some are merged into the first one after a while.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from adapters.demo.calendar import DAY_S, NEVER, DemoCalendar, office_second
from adapters.demo.draws import Bools, Dice, Floats, Ints
from adapters.demo.names import COUNTRY_WEIGHTS, CULTURE_WEIGHTS, CURRENCY_OF_COUNTRY, PersonName, person_name

CONTACTS_PER_COMPANY = 3
DUPLICATE_SHARE, MERGED_SHARE = 0.025, 0.4
DELETED_CONTACTS = 0.01
LARGE_COMPANY = 250
"""Employees from which on a company counts as large; large ones buy more often."""
_CULTURE_OF_COUNTRY = (0, 0, 4, 0, 5, 5, 2, 6, 3, 3, 8)


@dataclass(frozen=True, slots=True)
class Rows:
    """Records of companies or contacts that come into being in one week. Duplicates follow all originals.

    subject: number of the company or contact meant; record: own number (2 × subject, + 1 for a duplicate).
    """

    subject: Ints
    record: Ints
    is_duplicate: Bools
    created: Ints
    deleted: Ints
    merged: Ints

    def take(self, rows: Ints | Bools) -> Rows:
        return Rows(*(getattr(self, item.name)[rows] for item in fields(self)))


class Market:
    """The buyers: who they are, and when they come into being (`before`: companies before each week begins)."""

    def __init__(self, dice: Dice, calendar: DemoCalendar, founding: int, before: Ints) -> None:
        self._dice, self._calendar = dice, calendar
        self.founding, self.before = founding, before

    def country(self, company: Ints) -> Ints:
        return self._dice.choice("company.country", company, COUNTRY_WEIGHTS)

    def currency(self, company: Ints) -> Ints:
        return np.asarray(CURRENCY_OF_COUNTRY, dtype=np.int64)[self.country(company)]

    def employees(self, company: Ints) -> Ints:
        return np.maximum(2, np.exp(4.6 + 1.3 * self._dice.normal("company.size", company))).astype(np.int64)

    def contact_count(self, company: Ints) -> Ints:
        edges = self._dice.uniform("company.contacts", company)
        return 1 + (edges < 0.6).astype(np.int64) + (edges < 0.25)

    def person(self, contact: Ints) -> list[PersonName]:
        """Names of contacts: those of the company's country, now and then of another."""
        company = contact // CONTACTS_PER_COMPANY
        at_home = np.asarray(_CULTURE_OF_COUNTRY, dtype=np.int64)[self.country(company)]
        abroad = self._dice.choice("contact.culture", contact, CULTURE_WEIGHTS)
        culture = np.where(self._dice.uniform("contact.abroad", contact) < 0.3, abroad, at_home)
        first, last = self._dice.uniform("contact.first", contact), self._dice.uniform("contact.last", contact)
        return [person_name(*one) for one in zip(culture.tolist(), first.tolist(), last.tolist(), strict=True)]

    def created(self, company: Ints, week: int) -> Ints:
        """When companies of a week come into being; the founding stock is there when the world begins."""
        monday = np.full(len(company), self._calendar.first_day + 7 * week, dtype=np.int64)
        day = monday + self._dice.whole("company.day", company, 0, 4)
        at = self._calendar.instant(day, office_second(self._dice.uniform("company.hour", company)))
        opening = self._calendar.born_day * DAY_S + 4 * 3600
        return np.where(company < self.founding, opening, np.maximum(at, opening + 60))

    def week_of(self, company: int) -> int:
        """The week for which a company is drawn."""
        return max(int(np.searchsorted(self.before, company, side="right")) - 1, 0)

    def companies(self, week: int) -> Rows:
        first = 0 if week == 0 else self.before[week]
        company = np.arange(first, self.before[week + 1], dtype=np.int64)
        created = self.created(company, week)
        return self._with_duplicates("company", company, created, np.full(len(company), NEVER))

    def contacts(self, week: int) -> Rows:
        first = 0 if week == 0 else self.before[week]
        company = np.arange(first, self.before[week + 1], dtype=np.int64)
        count = self.contact_count(company)
        order = ragged(count)
        contact = np.repeat(company * CONTACTS_PER_COMPANY, count) + order
        created = np.repeat(self.created(company, week), count) + 60 * order
        gone = self._dice.uniform("contact.deleted", contact) < DELETED_CONTACTS
        later = self._dice.whole("contact.gone", contact, 30, 250) * DAY_S
        return self._with_duplicates("contact", contact, created, np.where(gone, created + later, NEVER))

    def seat(self, company: Ints, weights: Floats) -> Ints:
        return self._dice.choice("company.seat", company, weights)

    def _with_duplicates(self, what: str, subject: Ints, created: Ints, deleted: Ints) -> Rows:
        twice = (self._dice.uniform(f"{what}.twice", subject) < DUPLICATE_SHARE) & (deleted == NEVER)
        again = subject[twice]
        appeared = created[twice] + self._dice.whole(f"{what}.again", again, 5, 120) * DAY_S + 3611
        merges = self._dice.uniform(f"{what}.merges", again) < MERGED_SHARE
        merged = np.where(
            merges, appeared + self._dice.whole(f"{what}.merged", again, 15, 120) * DAY_S + 1800, np.int64(NEVER)
        )
        none = np.full(len(subject), NEVER, dtype=np.int64)
        return Rows(
            subject=np.concatenate([subject, again]),
            record=np.concatenate([2 * subject, 2 * again + 1]),
            is_duplicate=np.concatenate([np.zeros(len(subject), np.bool_), np.ones(len(again), np.bool_)]),
            created=np.concatenate([created, appeared]),
            deleted=np.concatenate([deleted, none[: len(again)]]),
            merged=np.concatenate([none, merged]),
        )


def ragged(counts: Ints) -> Ints:
    """0, 1, … for each of `counts` in turn: [2, 3] gives 0 1 0 1 2."""
    ends = np.cumsum(counts)
    return np.asarray(np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts), dtype=np.int64)
