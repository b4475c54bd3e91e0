"""Small pages are stored together, and nothing of them is left out: not even what came before an error."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import Page
from adapters.errors import RetriableError
from adapters.records import Owner, Rejection
from snapshots.ahead import MOST_GATHERED, gathered

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
SIZES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2)), min_size=1, max_size=12)


def pages_of(sizes: list[tuple[int, int]]) -> list[Page]:
    return [
        Page(
            changes=tuple(Owner(external_id=f"{number}.{place}") for place in range(taken)),
            rejections=tuple(Rejection(source=f"{number}.csv", line=line, reason="odd") for line in range(odd)),
            cursor=f"after {number}",
            done=number == len(sizes) - 1,
            total=sum(count for count, _ in sizes),
        )
        for number, (taken, odd) in enumerate(sizes)
    ]


@given(SIZES, st.integers(1, 20))
def test_nothing_is_left_out_and_each_cursor_is_the_last_of_its_pages(sizes: list[tuple[int, int]], least: int) -> None:
    pages = pages_of(sizes)
    found = list(gathered(iter(pages), least))
    assert [one for page in found for one in page.changes] == [one for page in pages for one in page.changes]
    assert [one for page in found for one in page.rejections] == [one for page in pages for one in page.rejections]
    assert [page.done for page in found] == [False] * (len(found) - 1) + [True]
    assert (found[-1].cursor, found[-1].total) == (pages[-1].cursor, pages[-1].total)
    after = {page.cursor: sum(len(one.changes) for one in pages[: number + 1]) for number, page in enumerate(pages)}
    taken = 0
    for page in found:
        taken += len(page.changes)
        assert after[page.cursor] == taken, "a cursor that is ahead of what is stored would lose it"


def test_what_came_before_an_error_is_handed_on_first() -> None:
    def broken() -> Iterator[Page]:
        yield from pages_of([(2, 0), (3, 1), (1, 0)])[:2]
        raise RetriableError("The CRM cannot be reached.")

    found = gathered(broken(), least=100)
    page = next(found)
    assert ([one.external_id for one in page.changes if isinstance(one, Owner)], page.cursor, page.done) == (
        ["0.0", "0.1", "1.0", "1.1", "1.2"], "after 1", False,
    )  # fmt: skip
    with pytest.raises(RetriableError):
        next(found)


@pytest.mark.parametrize(("least", "asked_for"), [(1, [1, 2, 3]), (2_000, [MOST_GATHERED, 2 * MOST_GATHERED])])
def test_pages_that_hold_nothing_do_not_keep_a_run_from_being_told_to_stop(least: int, asked_for: list[int]) -> None:
    asked = 0

    def empty() -> Iterator[Page]:
        nonlocal asked
        while True:
            asked += 1
            yield Page(changes=(), cursor=str(asked), done=False)

    found = gathered(empty(), least)
    for number in asked_for:
        assert next(found).cursor == str(number)
        assert asked == number


def test_small_pages_are_put_together_until_they_hold_enough() -> None:
    found = list(gathered(iter(pages_of([(3, 1), (3, 0), (2, 0), (9, 0), (1, 0)])), least=6))
    assert [len(page.changes) + len(page.rejections) for page in found] == [7, 11, 1]
