"""When two spellings are one: of headers, of references, of answers."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BREAKS = re.compile(r"[\W_]+")


@lru_cache(maxsize=65_536)
def plain(text: str) -> str:
    """Lower case without accents or space around: what two spellings of one word have in common."""
    decomposed = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


@lru_cache(maxsize=65_536)
def words(header: str) -> str:
    """A column's or file's name as words: "StageName", "stage_name" and "Stage - Name" are all "stage name"."""
    return _BREAKS.sub(" ", plain(_CAMEL.sub(" ", header.replace("IDs", "Ids")))).strip()


@lru_cache(maxsize=65_536)
def key(text: str) -> str:
    """What references are matched by: casefolded letters and digits only ("GTX Pro" and "GTXPro" are one)."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum()) or folded.strip()


def names_in(text: str) -> tuple[str, ...]:
    """Names written as one text, with commas between; line breaks count as spaces."""
    parts = (" ".join(part.split()) for part in text.split(","))
    return tuple(part for part in parts if part)


def as_words(text: str) -> frozenset[str]:
    """A set of words written as one text, with commas between."""
    return frozenset(names_in(text))
