"""Codes for refused words: what they claim, whose name they may be, which language they are of."""

from __future__ import annotations

from insights.coaching import claims, lexicon, masking, number_words
from insights.coaching.quantities import Token, singular
from insights.coaching.stretches import Stretch


def codes_of(refused: list[Token], stretch: Stretch) -> set[str]:
    """Codes for refused words: what they claim, whose name they may be, which language they are of."""
    if not refused:
        return set()
    codes = claims.named(_joined(refused, stretch))
    unknown = [one for one in refused if one.kind == "word" and not _is_english(one.norm)]
    codes |= {"UNKNOWN_NAME" for one in unknown if one.text[0].isupper()}
    codes |= {"NUM_WRONG_METRIC" for one in refused if one.norm in lexicon.DOMAIN}
    codes |= {
        "NUM_UNIT"
        for one in refused
        if one.text in {"%", "°"}
        or one.text in number_words.SYMBOLS
        or one.norm in number_words.MONEY_WORDS
        or one.norm in number_words.TIME_UNITS
        or one.text in number_words.CODES
    }
    codes |= {
        "CURRENCY"
        for one in refused
        if one.text in number_words.SYMBOLS or one.norm in number_words.MONEY_WORDS or one.text in number_words.CODES
    }
    codes |= {"POLARITY" for one in refused if one.norm in lexicon.NEGATIONS}
    codes |= {
        "INJECTION_OR_MARKUP"
        for one in refused
        if one.kind == "mark" and one.text not in number_words.SYMBOLS and one.text != "%"
    }
    codes |= {"LANGUAGE"} if _is_foreign(unknown, stretch) else set()
    return codes


def _joined(refused: list[Token], stretch: Stretch) -> str:
    """Refused words, neighbours side by side, others apart."""
    there = {one.start for one in refused}
    return " ".join(one.norm if one.start in there else "|" for one in stretch.row)


def _is_english(word: str) -> bool:
    known = masking.ORDINARY
    return (
        word in known
        or singular(word) in known
        or bool(claims.named(word))
        or word.removesuffix("ed") in known
        or word.removesuffix("ing") in known
    )


def _is_foreign(unknown: list[Token], stretch: Stretch) -> bool:
    if any(one.norm in lexicon.FOREIGN for one in unknown):
        return True
    words = [one for one in stretch.row if one.kind == "word"]
    return len(unknown) >= 2 and 2 * len(unknown) >= len(words)
