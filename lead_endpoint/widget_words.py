"""The widget's own words (`Send`, `Please fill this in.`), which a form may say otherwise: one table for the widget,
which is built with it, and for whatever shows or translates the words here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import orjson

TABLE: Final = Path(__file__).parent / "widget" / "words.json"


@cache
def known_words() -> Mapping[str, Mapping[str, str]]:
    """By language, English and German; each has the same names."""
    table: dict[str, dict[str, str]] = orjson.loads(TABLE.read_bytes())
    return table


def words(language: str, *own: Mapping[str, str]) -> dict[str, str]:
    """All words in a language: English, under what is known of it, under those that a form brings."""
    table = known_words()
    found = {**table["en"], **table.get(language.lower().partition("-")[0], {})}
    for further in own:
        found |= {name: word for name, word in further.items() if word}
    return found
