"""Lists of v2: filters, an order, and cursors that hold where a page ended."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import islice

from adapters.sandbox.pipedrive.values import BadRequestError, filtered_by, second
from adapters.sandbox.world import Row

MOST_LISTED, MOST_IDS = 500, 100
SORTS = {"id", "update_time", "add_time", "due_date"}
CURSOR = re.compile(r"(?P<number>\d+) \('(?P<value>[^']*)', (?P<id>\d+)\)")
Key = tuple[str, int]
RowsAfter = Callable[[int], Iterable[Row]]
"""The rows of a list with ids beyond this one, by id: a page of a long list makes no others."""


def page(query: Mapping[str, str], rows_after: RowsAfter, *, owner: int, cursors: int) -> tuple[list[Row], str | None]:
    """A page of these rows and the cursor of the next one. owner: of rows that name none. cursors: the number of those
    that are known. Raises BadRequestError."""
    limit, sort = int(query.get("limit", 100)), query.get("sort_by", "id")
    if not 0 < limit <= MOST_LISTED or sort not in SORTS:
        raise BadRequestError(f"limit must be between 1 and {MOST_LISTED}, sort_by one of {', '.join(sorted(SORTS))}")
    keep, falls = _kept(query, owner), query.get("sort_direction", "asc") == "desc"
    after = _after(query.get("cursor"), cursors)
    if sort == "id" and not falls:
        rows = (row for row in rows_after(after[1] if after is not None else 0) if keep(row))
    else:
        keyed = sorted(((_key(row, sort), row) for row in rows_after(0) if keep(row)), reverse=falls, key=_first)
        rows = (row for key, row in keyed if after is None or (key < after if falls else key > after))
    found = list(islice(rows, limit + 1))
    shown, is_more = found[:limit], len(found) > limit
    following = b64encode(f"{cursors} {_key(shown[-1], sort)!r}".encode()).decode() if is_more else None
    return shown, following


def _first(keyed: tuple[Key, Row]) -> Key:
    return keyed[0]


def _key(row: Row, sort: str) -> Key:
    """Sortable as text, so that a cursor can hold it; the id decides between equal ones."""
    at = {"update_time": row.modified_at, "add_time": row.created_at, "due_date": row.fields.get("at")}.get(sort)
    return (second(at).isoformat() if isinstance(at, datetime) else "", row.row_id)


def _after(cursor: str | None, cursors: int) -> Key | None:
    if cursor is None:
        return None
    found = CURSOR.fullmatch(b64decode(cursor).decode())
    if found is None or int(found["number"]) != cursors:
        raise BadRequestError("cursor is not valid")
    return found["value"], int(found["id"])


def _kept(query: Mapping[str, str], owner: int) -> Callable[[Row], bool]:
    since = filtered_by(query["updated_since"]) if "updated_since" in query else None
    until = filtered_by(query["updated_until"]) if "updated_until" in query else None
    ids = {int(one) for one in query["ids"].split(",")} if query.get("ids") else None
    wanted = int(query["owner_id"]) if "owner_id" in query else None
    if ids is not None and len(ids) > MOST_IDS:
        raise BadRequestError(f"ids: at most {MOST_IDS}")

    def keep(row: Row) -> bool:
        at = second(row.modified_at)
        return (
            (since is None or at >= since) and (until is None or at < until) and (ids is None or row.row_id in ids)
            and (wanted is None or (row.fields.get("owner_id") or owner) == wanted)
        )  # fmt: skip

    return keep
