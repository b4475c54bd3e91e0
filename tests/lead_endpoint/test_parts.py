"""What the endpoint is made of is made once."""

from __future__ import annotations

import threading
from typing import Any, cast

from lead_endpoint.parts import Parts
from ops.services import Services


def test_requests_that_come_first_at_the_same_time_share_one_set_of_services() -> None:
    """Two would mean two writers, and two limits for one sender."""
    both, made = threading.Barrier(2), []

    def make() -> Services:
        made.append(threading.current_thread())
        threading.Event().wait(0.05)  # so long the other has to come here too
        return cast("Services", object())

    parts, found = Parts(make), list[Any]()

    def ask() -> None:
        both.wait(5)
        found.append(parts.services)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(made) == 1
    assert found[0] is found[1]
