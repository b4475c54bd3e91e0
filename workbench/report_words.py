"""How the page Reports says who gets which report by itself."""

from __future__ import annotations

from ops.report_everybody import Everybody
from workbench import formats


def everybody(found: Everybody) -> str:
    """How many get which report by the switch, and how many are left out, and why."""
    reps, managers = found.n("rep"), found.n("manager")
    parts = [
        *([f"{formats.plural(reps, 'salesperson', 'salespeople')} the report of their own rows"] if reps else []),
        *([f"{formats.plural(managers, 'manager')} that of their teams"] if managers else []),
    ]
    left_out = [
        f"{formats.count(n)} {why}"
        for n, why in (
            (found.n_unreachable, "without an address"), (found.n_shared, "who share one"),
            (found.n_off, "whose login is off"),
        )
        if n
    ]  # fmt: skip
    who = f"By mail to active people: {' and '.join(parts)}." if parts else "Nobody active has an address of their own."
    return who + (f" Left out: {', '.join(left_out)}." if left_out else "")
