"""Where a visit came from: what it said, and the source and campaign that an organization's rules make of it.

The first rule that matches counts. Without one the source is, in this order, what the address said (`utm_source`), the
advertiser whose click it was, what the page's owner wrote at the form, the page that led there, else "direct". A word
that is an alias of a name stands for that name; an unknown one is shown as it came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields, replace
from fnmatch import fnmatchcase
from typing import Any, Final
from uuid import UUID

import psycopg

MOST_WORD: Final = 120
MOST_NEW: Final = 500
"""Combinations of words that an organization takes as new on one day: anybody can make them up. After them, as many
again without their campaigns; after those, none of the words is kept."""
OTHER: Final = "(other)"
"""What stands for a word that was not kept."""
DIRECT: Final = "direct"
"""The source of a visit that nothing led there."""
CLICKS: Final[Mapping[str, str]] = {
    "gclid": "google", "gbraid": "google", "wbraid": "google", "dclid": "google", "msclkid": "bing",
    "fbclid": "facebook", "ttclid": "tiktok", "li_fat_id": "linkedin", "twclid": "x",
}  # fmt: skip
"""Whose click id it is."""


def clean(value: object) -> str:
    """A word as it is kept: one line, without control characters, no longer than `MOST_WORD`."""
    if not isinstance(value, str):
        return ""
    printable = "".join(letter if letter.isprintable() else " " for letter in value[: 2 * MOST_WORD])
    return " ".join(printable.split())[:MOST_WORD].strip()


@dataclass(frozen=True, slots=True)
class Origin:
    """What was said, each word as `clean` leaves it; empty: nothing. referrer: the host alone. said_…: written by the
    page's owner at the form."""

    said_source: str = ""
    said_campaign: str = ""
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    click: str = ""
    referrer: str = ""

    @classmethod
    def read(cls, touch: object, *, source: object = "", campaign: object = "") -> Origin:
        """From a touch as the widget sends it; anything else is one that says nothing."""
        said = touch if isinstance(touch, Mapping) else {}
        words = {name: clean(said.get(name)) for name in ("utm_source", "utm_medium", "utm_campaign", "click")}
        referrer = clean(said.get("referrer")).lower().removeprefix("www.")
        return cls(said_source=clean(source), said_campaign=clean(campaign), referrer=referrer, **words)

    @property
    def key(self) -> UUID:
        said = "\x1f".join(astuple(self)).encode()
        return UUID(bytes=hashlib.blake2b(said, digest_size=16).digest())

    def without(self, *names: str) -> Origin:
        """The same, with `OTHER` for what it says in these words."""
        return replace(self, **{name: OTHER for name in names if getattr(self, name)})


WORDS: Final = tuple(one.name for one in fields(Origin))


@dataclass(frozen=True, slots=True, kw_only=True)
class UtmRule:
    """Patterns with `*` for any text, in any case; an empty one lets everything pass. campaign: empty leaves what the
    visit says."""

    source: str
    campaign: str = ""
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    click: str = ""
    referrer: str = ""

    def matches(self, origin: Origin) -> bool:
        """False for a rule that asks for nothing."""
        asked = [(getattr(self, name), getattr(origin, name)) for name in CONDITIONS if getattr(self, name)]
        return bool(asked) and all(fnmatchcase(said.lower(), pattern.lower()) for pattern, said in asked)


CONDITIONS: Final = ("utm_source", "utm_medium", "utm_campaign", "click", "referrer")


@dataclass(frozen=True, slots=True)
class Rules:
    """An organization's. aliases: the name that a word in lower case stands for, by (kind, word)."""

    utm: Sequence[UtmRule] = ()
    aliases: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def name(self, kind: str, word: str) -> str:
        """What is shown for a word."""
        return self.aliases.get((kind, word.lower()), word)


def resolve(origin: Origin, rules: Rules) -> tuple[str, str]:
    """(source, campaign); no campaign: empty."""
    rule = next((one for one in rules.utm if one.matches(origin)), None)
    campaign = origin.utm_campaign or origin.said_campaign
    if rule is not None:
        return rules.name("source", rule.source), rules.name("campaign", rule.campaign or campaign)
    word = origin.utm_source or CLICKS.get(origin.click.lower(), origin.click) or origin.said_source or origin.referrer
    return rules.name("source", word or DIRECT), rules.name("campaign", campaign)


# --- in the database, within the transaction of whoever asks ----------------------------------------------------------

Connection = psycopg.Connection[Any]


def load_rules(connection: Connection, organization_id: int) -> Rules:
    """The organization's rules and aliases."""
    names = ("source", "campaign", *CONDITIONS)
    utm = connection.execute(
        f"SELECT {', '.join(names)} FROM utm_rules WHERE organization_id = %s ORDER BY position", (organization_id,)
    ).fetchall()
    aliases = connection.execute(
        "SELECT a.kind, a.alias, n.name FROM marketing_aliases a JOIN marketing_names n "
        "ON n.organization_id = %(id)s AND n.name_id = a.name_id WHERE a.organization_id = %(id)s "
        "UNION ALL SELECT kind, lower(name), name FROM marketing_names WHERE organization_id = %(id)s",
        {"id": organization_id},
    ).fetchall()
    return Rules(
        [UtmRule(**dict(zip(names, row, strict=True))) for row in utm],
        {(kind, alias): name for kind, alias, name in aliases},
    )


def origin_ids(connection: Connection, organization_id: int, origins: Sequence[Origin]) -> dict[Origin, int]:
    """The number of each, given to those that are new; where too many are new today, that of what is kept of it. The
    caller holds the organization's lock on visits."""
    by_key = {origin.key: origin for origin in origins}
    known = _numbers(connection, organization_id, list(by_key))
    new = [origin for key, origin in by_key.items() if key not in known]
    if new:
        rules, n_today = load_rules(connection, organization_id), _n_today(connection, organization_id)
        for origin in new:
            kept = kept_of(origin, n_today)
            if kept != origin and kept.key not in known:
                known |= _numbers(connection, organization_id, [kept.key])
            if kept.key not in known:
                known[kept.key] = _add(connection, organization_id, kept, rules)
                n_today += 1
            known[origin.key] = known[kept.key]
    return {origin: known[key] for key, origin in by_key.items()}


def kept_of(origin: Origin, n_today: int) -> Origin:
    """What is kept of a new one on a day that had so many already."""
    if n_today < MOST_NEW:
        return origin
    return origin.without("said_campaign", "utm_campaign") if n_today < 2 * MOST_NEW else origin.without(*WORDS)


def _n_today(connection: Connection, organization_id: int) -> int:
    row = connection.execute(
        "SELECT count(*) FROM visit_origins WHERE organization_id = %s AND first_day = CURRENT_DATE", (organization_id,)
    ).fetchone()
    assert row is not None
    return int(row[0])


def _numbers(connection: Connection, organization_id: int, keys: list[UUID]) -> dict[UUID, int]:
    rows = connection.execute(
        "SELECT key, origin_id FROM visit_origins WHERE organization_id = %s AND key = ANY(%s)", (organization_id, keys)
    )
    return dict(rows.fetchall())


def _add(connection: Connection, organization_id: int, origin: Origin, rules: Rules) -> int:
    values = (organization_id, origin.key, *astuple(origin), *resolve(origin, rules))
    columns = ("organization_id", "key", *WORDS, "source", "campaign")
    row = connection.execute(
        f"INSERT INTO visit_origins ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))}) "
        "RETURNING origin_id",
        values,
    ).fetchone()
    assert row is not None
    return int(row[0])


def resolve_again(connection: Connection, organization_id: int) -> int:
    """After a change of rules or aliases: source and campaign of all that ever came. Returns how many changed."""
    rules = load_rules(connection, organization_id)
    rows = connection.execute(
        f"SELECT origin_id, source, campaign, {', '.join(WORDS)} FROM visit_origins WHERE organization_id = %s",
        (organization_id,),
    ).fetchall()
    changed = [
        (*found, organization_id, origin_id)
        for origin_id, source, campaign, *words in rows
        if (found := resolve(Origin(*words), rules)) != (source, campaign)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE visit_origins SET source = %s, campaign = %s WHERE organization_id = %s AND origin_id = %s", changed
        )
    return len(changed)
