"""What processors worked for this process and for a PostgreSQL server, whatever else the machine does meanwhile."""

from __future__ import annotations

import os
import time
from pathlib import Path

_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


def worked_s(server: int) -> float:
    """Seconds so far, of this process and of the server with all that it ever started. server: its process id.

    Source: Linux' proc(5): fields 14 to 17 of `stat`, and `schedstat`, which is finer, of what still runs.
    """
    return time.process_time() + _of_all(server)


def _of_all(server: int) -> float:
    own = [int(one) for one in _stat(Path("/proc") / str(server))[11:15]]
    return sum(own) * _TICK_S + sum(_of_child(one, server) for one in Path("/proc").iterdir() if one.name.isdigit())


def _of_child(process: Path, server: int) -> float:
    try:
        if int(_stat(process)[1]) != server:
            return 0.0
        return int((process / "schedstat").read_text().split()[0]) / 1e9
    except OSError:  # it ended meanwhile
        return 0.0


def _stat(process: Path) -> list[str]:
    return (process / "stat").read_text().rpartition(")")[2].split()
