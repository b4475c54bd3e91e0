"""Records written one by one: create, update, delete, and upsert by an external id, with what Salesforce refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from adapters.sandbox.salesforce.objects import ADMIN, SObject
from adapters.sandbox.salesforce.values import id_of, number_of, refuse, shown
from adapters.sandbox.server import Reply, Request
from adapters.sandbox.world import Row, Value

if TYPE_CHECKING:
    from adapters.sandbox.salesforce.server import SalesforceServer

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+$")
RULE = "Standard_Contact_Duplicate_Rule"


class Records:
    def __init__(self, server: SalesforceServer) -> None:
        self._server = server

    def create(self, request: Request, match: re.Match[str]) -> Reply:
        source = self._writable(match["name"])
        body = request.json()
        self._demand_required(source, body)
        fields, links = self._written(source, body)
        self._refuse_duplicates(source, fields)
        row = self._server.world.create(str(source.kind), fields, links)
        return Reply(201, _saved(source, row, is_new=None))

    def read(self, request: Request, match: re.Match[str]) -> Reply:
        source = self._server.object(match["name"])
        row, get = self._live(source, unquote(match["id"])), self._server.getter
        names = [one for one in request.query.get("fields", "").split(",") if one] or list(self._server.fields(source))
        attributes = {"type": source.name, "url": request.path}
        return Reply(200, {"attributes": attributes, **{name: shown(get(source, row)(name)) for name in names}})

    def update(self, request: Request, match: re.Match[str]) -> Reply:
        source = self._writable(match["name"])
        row = self._live(source, unquote(match["id"]))
        self._change(source, row, request.json())
        return Reply(204)

    def delete(self, request: Request, match: re.Match[str]) -> Reply:
        source = self._writable(match["name"])
        self._server.world.archive(self._live(source, unquote(match["id"])))
        return Reply(204)

    def upsert(self, request: Request, match: re.Match[str]) -> Reply:
        source, name, value = self._writable(match["name"]), match["field"], unquote(match["value"])
        its_field = self._server.fields(source).get(name)
        if its_field is None or not its_field.unique:
            raise refuse(404, "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {name}")
        if name in request.json():
            raise refuse(400, "INVALID_FIELD", f"The {name} field should not be specified in the sobject data.", [name])
        rows = [
            row for row in self._server.world.live(str(source.kind)) if row.text(str(its_field.writes)) == value
        ]  # fmt: skip
        if len(rows) > 1:
            return Reply(300, [f"/services/data/v62.0/sobjects/{source.name}/{_own_id(source, row)}" for row in rows])
        if rows:
            self._change(source, rows[0], request.json())
            return Reply(200, _saved(source, rows[0], is_new=False))
        self._demand_required(source, request.json())
        fields, links = self._written(source, request.json())
        self._refuse_duplicates(source, fields)
        row = self._server.world.create(str(source.kind), {**fields, str(its_field.writes): value}, links)
        return Reply(201, _saved(source, row, is_new=True))

    # --- checks ---

    def _writable(self, name: str) -> SObject:
        source = self._server.object(name)
        if source.kind is None or f"{source.name}:create" in self._server.hidden:
            message = f"entity type cannot be inserted: {source.name}"
            raise refuse(403, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message)
        return source

    def _live(self, source: SObject, row_id: str) -> Row:
        row = self._server.row(source, row_id)
        if row is None:
            if number_of(row_id) is None:
                raise refuse(400, "MALFORMED_ID", f"malformed id {row_id}")
            raise refuse(404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible")
        if not row.is_live:
            raise refuse(404, "ENTITY_IS_DELETED", "entity is deleted", [])
        return row

    def _demand_required(self, source: SObject, body: Mapping[str, Any]) -> None:
        lost = [name for name in source.required if not body.get(name)]
        if lost:
            message = f"Required fields are missing: [{', '.join(lost)}]"
            raise refuse(400, "REQUIRED_FIELD_MISSING", message, lost)

    def _change(self, source: SObject, row: Row, body: Mapping[str, Any]) -> None:
        fields, links = self._written(source, body, but=row)
        self._server.world.update(row, fields)
        for kind, ids in links.items():
            self._server.world.link(row, kind, ids)

    def _written(
        self, source: SObject, body: Mapping[str, Any], but: Row | None = None
    ) -> tuple[dict[str, Value], dict[str, list[int]]]:
        fields: dict[str, Value] = {}
        links: dict[str, list[int]] = {}
        known = self._server.fields(source)
        for name, value in body.items():
            its_field = known.get(name)
            if its_field is None:
                raise refuse(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {source.name}")
            if its_field.writes is None:
                message = f"Unable to create/update fields: {name}. Please check the security settings of this field."
                raise refuse(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message, [name])
            said = str(value) if value is not None else ""
            self._refuse_text(source, name, said, its_field.kind, its_field.longest)
            if its_field.writes == "owner_id":
                fields["owner_id"] = self._active_user(said)
                continue
            if its_field.kind == "reference":
                links[its_field.writes] = [number_of(said) or 0] if said else []
                continue
            if its_field.unique and said:
                self._refuse_double(source, name, its_field.writes, said, but)
            fields[its_field.writes] = said or None
        return fields, links

    def _active_user(self, said: str) -> int | None:
        """None: the user whose key this is, who owns what names nobody."""
        if said == ADMIN:
            return None
        found = self._server.world.get("owner", number_of(said) or 0)
        if found is None:
            raise refuse(400, "INVALID_CROSS_REFERENCE_KEY", "Owner ID: owner cannot be blank", ["OwnerId"])
        if found.archived_at is not None:
            message = "operation performed with inactive user"
            raise refuse(400, "INACTIVE_OWNER_OR_USER", message, ["OwnerId"])
        return found.row_id

    def _refuse_text(self, source: SObject, name: str, said: str, kind: str, longest: int) -> None:
        if len(said) > longest:
            message = f"{name}: data value too large: {said[:20]} (max length={longest})"
            raise refuse(400, "STRING_TOO_LONG", message, [name])
        if kind == "email" and said and not EMAIL.match(said):
            raise refuse(400, "INVALID_EMAIL_ADDRESS", f"Email: invalid email address: {said}", [name])

    def _refuse_double(self, source: SObject, name: str, neutral: str, said: str, but: Row | None) -> None:
        for row in self._server.world.live(str(source.kind)):
            if row is not but and row.text(neutral) == said:
                held = _own_id(source, row)
                message = f"duplicate value found: {name} duplicates value on record with id: {held[:15]}"
                raise refuse(400, "DUPLICATE_VALUE", message, [])

    def _refuse_duplicates(self, source: SObject, fields: Mapping[str, Value]) -> None:
        """The standard rule, here: the same first and last name, or the same address."""
        if not self._server.org.has_duplicate_rule or source.name != "Contact":
            return
        found = [
            _result(its_kind, [id_of(prefix, row.row_id) for row in rows])
            for its_kind, kind, prefix in (("Contact", "contact", "003"), ("Lead", "lead", "00Q"))
            if (rows := [row for row in self._server.world.live(kind) if _is_like(row, fields)])
        ]
        if found:
            told = {"allowSave": False, "duplicateRule": RULE, "duplicateRuleEntityType": "Contact",
                    "errorMessage": "Use one of these records?", "matchResults": found}  # fmt: skip
            raise refuse(400, "DUPLICATES_DETECTED", "Use one of these records?", duplicateResut=told)


def _result(its_kind: str, ids: list[str]) -> dict[str, Any]:
    matches = [
        {"matchConfidence": 100.0, "fieldDiffs": [], "record": {"attributes": {"type": its_kind}, "Id": one}}
        for one in ids
    ]
    more = {"matchEngine": "FuzzyMatchEngine", "rule": RULE, "size": len(ids), "success": True, "errors": []}
    return {"entityType": its_kind, "matchRecords": matches, **more}


def _is_like(row: Row, fields: Mapping[str, Value]) -> bool:
    same_name = all(
        row.text(name).lower() == str(fields.get(name) or "").lower() for name in ("first_name", "last_name")
    )
    same_email = bool(fields.get("email")) and row.text("email").lower() == str(fields["email"]).lower()
    return same_name or same_email


def _own_id(source: SObject, row: Row) -> str:
    return id_of(source.prefix, row.row_id)


def _saved(source: SObject, row: Row, *, is_new: bool | None) -> dict[str, Any]:
    told: dict[str, Any] = {"id": _own_id(source, row), "success": True, "errors": []}
    return told if is_new is None else told | {"created": is_new}
