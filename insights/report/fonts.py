"""The fonts of reports as PDF, all from wheels, so that every machine sets the same pages; and what none of them has.

DejaVu Sans first, as matplotlib ships it; Noto Sans for other alphabets, Noto Emoji, and Noto Sans CJK for Chinese,
Japanese and Korean. The packages hold files alone and are not imported. One that is missing is left out: what it would
have drawn is then among what `undrawable` names.
"""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

PLACES: Final = (
    ("matplotlib", "mpl-data/fonts/ttf/DejaVuSans.ttf"),
    # Its Last Resort font stays away: it has a box for every character, and nobody would know that one is missing.
    ("matplotlib", "mpl-data/fonts/ttf/DejaVuSans-Bold.ttf"),
    ("manimgx_fonts", "*.ttf"),
    ("noto_cjk_sans_jp_regular", "*.otf"),
)
"""Packages with what of them is used, the widest last: looking through it takes a third of a second."""
UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zs", "Zl", "Zp"})
"""Categories of characters that show nothing, or mean nothing to anybody else."""


@cache
def files() -> tuple[Path, ...]:
    """In the order of PLACES."""
    found: list[Path] = []
    for package, pattern in PLACES:
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            found += sorted(Path(spec.origin).parent.glob(pattern))
    return tuple(found)


def folders(own: Path) -> list[Path]:
    """Where Typst finds them, which takes whole folders: of packages that hold other fonts too, copies in `own`."""
    for path in files():
        if "mpl-data" in path.parts:
            shutil.copy(path, own)
    return [own, *dict.fromkeys(path.parent for path in files() if "mpl-data" not in path.parts)]


def undrawable(texts: Iterable[str]) -> list[str]:
    """Scripts of the characters that no font has, each once: "Tibetan". Empty where all can be drawn."""
    characters = sorted({one for text in texts for one in text})
    missing = [one for one in characters if _is_seen(one) and not any(ord(one) in _known(path) for path in files())]
    return list(dict.fromkeys(_script(one) for one in missing))


def _is_seen(character: str) -> bool:
    is_variation = "\ufe00" <= character <= "\ufe0f"
    return not is_variation and unicodedata.category(character) not in UNSEEN


def _script(character: str) -> str:
    """As Unicode calls it in the character's name."""
    word = unicodedata.name(character, "Unknown").split()[0]
    return "Chinese" if word == "CJK" else word.capitalize()


@cache
def _known(path: Path) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(path, lazy=True) as font:
        return frozenset(font.getBestCmap())
