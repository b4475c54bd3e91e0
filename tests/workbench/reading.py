"""What people read of the words that a page hands to Streamlit."""

from __future__ import annotations

import re


def as_read(source: str) -> str:
    """Markdown that `lead_words.plain` made, as the browser shows it; other Markdown as it is."""
    together = re.sub(r":color\[(\\?.)\]", r"\1", source)
    return re.sub(r"\\([\\`*_{}\[\]()#+\-.!|<>$:~&@^=/])", r"\1", together)
