"""Forms by their key, for the public routes: remembered for some seconds, each version compiled once. Speaks psycopg
alone, like `snapshots.intake`, and never writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog
from pydantic import ValidationError

from snapshots.form_definition import Definition
from snapshots.intake import Form, Pool, session
from snapshots.public_keys import organization_of

MOST_VERSIONS: Final = 2_000
"""Compiled versions that are kept; when there are more, they are compiled anew."""
MOST_AHEAD: Final = 3
"""So many versions may be published while a form is remembered."""
_OF_NOW: Final = ("protection", "domains", "redirects", "thank_you")
LOG = structlog.get_logger()


@dataclass(slots=True)
class FormFinder:
    """What is unknown is remembered too. clock: monotonic seconds."""

    pool: Pool
    clock: Callable[[], float]
    default_organization: str | None = None
    _known: dict[str, tuple[float, Form | None]] = field(default_factory=dict)
    _versions: dict[tuple[int, int, int], Definition | None] = field(default_factory=dict)

    KEEP_S = 5.0
    MOST = 10_000

    def find(self, key: str | None) -> Form | None:
        """The form with this key; without one the default form of DEFAULT_ORGANIZATION, or of the only organization.
        None where there is none. Raises StoreUnavailable."""
        is_known, form = self.remembered(key)
        if not is_known:
            form = self._named(key) if key else self._default()
            if len(self._known) >= self.MOST:
                self._make_room()
            self._known[key or ""] = (self.clock() + self.KEEP_S, form)
        return form

    def remembered(self, key: str | None) -> tuple[bool, Form | None]:
        """(whether it is known without asking the database, the form)."""
        if key and organization_of(key) is None:
            return True, None  # no key at all: not worth remembering, whatever its length
        known = self._known.get(key or "")
        if known is None or self.clock() >= known[0]:
            return False, None
        return True, known[1]

    def earlier(self, form: Form, version: int | None) -> tuple[bool, Form]:
        """(whether it is known without asking the database, the form as it was when `version` was filled in); the form
        as it is now where it has no such version. A version never changes, so it is remembered for good. One that is
        newer than what is remembered may have been published within the last seconds. What protects the form and where
        it may lead is that of now: whoever sends names the version, and would name the one with the open door."""
        if version is None or form.version is None or version == form.version:
            return True, form
        if not 0 < version <= form.version + MOST_AHEAD:
            return True, form
        key = (form.organization_id, form.form_id, version)
        if key not in self._versions:
            return False, form
        definition = self._versions[key]
        if definition is None:
            return True, form
        if form.definition is not None and version < form.version:
            definition = definition.model_copy(update={name: getattr(form.definition, name) for name in _OF_NOW})
        return True, replace(form, version=version, definition=definition)

    def learn(self, form: Form, version: int) -> Form:
        """The same from the database. Raises StoreUnavailable."""
        with session(self.pool, form.organization_id) as connection:
            row = connection.execute(
                "SELECT definition::text FROM form_versions "
                "WHERE organization_id = %s AND form_id = %s AND version = %s",
                (form.organization_id, form.form_id, version),
            ).fetchone()
        if row is None:
            return form
        self._compiled((form.organization_id, form.form_id, version), row[0])
        return self.earlier(form, version)[1]

    def _make_room(self) -> None:
        """Made-up keys, which anybody can send, do not push out the forms that there are."""
        forms = {key: known for key, known in list(self._known.items()) if known[1] is not None}
        self._known = forms if len(forms) < self.MOST else {}

    def _named(self, key: str) -> Form | None:
        organization_id = organization_of(key)
        with session(self.pool, organization_id) as connection:
            row = connection.execute(
                f"{_FORM} WHERE f.organization_id = %s AND f.key = %s", (organization_id, key)
            ).fetchone()
        return self._form(row)

    def _default(self) -> Form | None:
        with session(self.pool, None) as connection:
            rows = connection.execute(
                f"{_FORM} WHERE f.is_default AND f.organization_id IN (SELECT organization_id FROM organizations "
                "WHERE %(name)s::text IS NULL OR name = %(name)s) LIMIT 2",
                {"name": self.default_organization},
            ).fetchall()
        return self._form(rows[0]) if len(rows) == 1 else None

    def _form(self, row: tuple[Any, ...] | None) -> Form | None:
        if row is None:
            return None
        organization_id, form_id, key, name, status, version, definition = row
        return Form(
            organization_id=organization_id,
            form_id=form_id,
            key=key,
            name=name,
            status=status,
            version=version,
            definition=self._compiled((organization_id, form_id, version or 0), definition),
        )

    def _compiled(self, key: tuple[int, int, int], stored: str | None) -> Definition | None:
        if key[2] == 0:
            return None
        if key not in self._versions:
            if len(self._versions) >= MOST_VERSIONS:
                self._versions = {}
            self._versions[key] = _read(key, stored)
        return self._versions[key]


_FORM = (
    "SELECT f.organization_id, f.form_id, f.key, f.name, f.status, f.published_version, v.definition::text "
    "FROM forms f LEFT JOIN form_versions v ON v.organization_id = f.organization_id AND v.form_id = f.form_id "
    "AND v.version = f.published_version"
)


def _read(key: tuple[int, int, int], stored: str | None) -> Definition | None:
    """None where a version cannot be read, as one that a later program wrote: leads are taken all the same."""
    try:
        return None if stored is None else Definition.model_validate_json(stored)
    except ValidationError as error:
        LOG.error(
            "form version cannot be read",
            organization_id=key[0],
            form_id=key[1],
            version=key[2],
            faults=len(error.errors()),
        )
        return None
