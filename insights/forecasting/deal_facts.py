"""What forecasts of an organization are made from: its deals as they were known, and who belonged where.

Packed as plain arrays, so that the same forecast can be made again from them whatever is corrected later.
"""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

DEALS: Final[Mapping[str, str]] = {
    "deal_id": "int64",
    "opened_on": "datetime64[ns]",  # NaT: not known
    "closed_on": "datetime64[ns]",  # NaT: open, or not known
    "status": "object",  # open, won or lost
    "owner": "object",  # our ids as text; "": none
    "product": "object",
    "source": "object",
    "amount": "float64",  # minor units; NaN: not given
    "currency": "object",  # "": not given
}
KINDS: Final = ("owner", "product", "source")
TEXTS: Final = ("status", "owner", "product", "source", "currency")
DAYS: Final = ("opened_on", "closed_on")


@dataclass(frozen=True, slots=True, kw_only=True)
class DealFacts:
    """deals: DEALS in the order of their ids. day: at whose end they were so. teams: by owner, those in none left out.
    names: by kind (team, owner, product) and key. active: owners who may win something."""

    day: date
    deals: pd.DataFrame
    teams: Mapping[str, str]
    names: Mapping[str, Mapping[str, str | None]]
    active: frozenset[str]


def pack(facts: DealFacts) -> tuple[bytes, str]:
    """Bytes and their fingerprint, the same for the same facts."""
    arrays = _arrays(facts.deals)
    told = json.dumps(
        {
            "day": facts.day.isoformat(),
            "teams": dict(sorted(facts.teams.items())),
            "names": {kind: dict(sorted(one.items())) for kind, one in sorted(facts.names.items())},
            "active": sorted(facts.active),
        },
        ensure_ascii=False,
    )
    held = io.BytesIO()
    np.savez(held, allow_pickle=False, told=np.array(told), **arrays)
    return zlib.compress(held.getvalue(), 6), fingerprint(arrays, told)


def fingerprint(arrays: Mapping[str, Any], told: str) -> str:
    """Of what is said, not of how it is packed."""
    digest = hashlib.blake2b(told.encode(), digest_size=16)
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _arrays(deals: pd.DataFrame) -> dict[str, Any]:
    """Texts as places in a list of the different ones."""
    found: dict[str, Any] = {
        "deal_id": deals["deal_id"].to_numpy(np.int64),
        "amount": deals["amount"].to_numpy(np.float64),
    }
    for name in DAYS:
        found[name] = deals[name].to_numpy("datetime64[D]").astype(np.int64)
    for name in TEXTS:
        words, places = np.unique(deals[name].to_numpy(dtype=str), return_inverse=True)
        found[f"{name}_words"], found[name] = words, places.astype(np.int32)
    return found


def unpack(packed: bytes) -> DealFacts:
    """What was packed."""
    with np.load(io.BytesIO(zlib.decompress(packed)), allow_pickle=False) as held:
        told = json.loads(str(held["told"]))
        columns: dict[str, Any] = {name: held[name] for name in ("deal_id", "amount")}
        columns |= {name: held[name].astype("datetime64[D]").astype("datetime64[ns]") for name in DAYS}
        columns |= {name: held[f"{name}_words"].astype(object)[held[name]] for name in TEXTS}
    return DealFacts(
        day=date.fromisoformat(told["day"]),
        deals=pd.DataFrame(columns)[list(DEALS)],
        teams=told["teams"],
        names=told["names"],
        active=frozenset(told["active"]),
    )
