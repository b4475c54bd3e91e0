"""A page's own choice: it stands in the URL, comes along to other pages, and the browser's way back leads back."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from workbench.url_choice import an_id, ids


def page() -> None:
    from dataclasses import dataclass

    import streamlit as st

    from workbench import url_choice
    from workbench.url_choice import UrlChoice

    @dataclass(frozen=True)
    class Choice:
        bands: tuple[str, ...] = ()

    url_choice.begin_run()
    made = UrlChoice(
        "bands", ("band",), lambda params: Choice(tuple(params.get("band", ()))),
        lambda choice: {"band": list(choice.bands)} if choice.bands else {}, Choice(),
    )  # fmt: skip
    if st.query_params.get("page") == "other":
        st.text("another page")
        return
    st.text(",".join(made.adopt().bands) or "all")
    st.button("Hot", key="hot", on_click=lambda: made.change(bands=("hot",)))
    st.button("All", key="all", on_click=made.clear)


def opened(**params: str) -> AppTest:
    at = AppTest.from_function(page)
    for name, value in params.items():
        at.query_params[name] = value
    return at.run()


def shown(at: AppTest) -> tuple[str, str | None]:
    assert not at.exception
    return at.text[0].value, at.query_params.get("band")


def test_a_link_opens_what_it_names() -> None:
    assert shown(opened(band="warm")) == ("warm", "warm")


def test_what_is_chosen_stands_in_the_url() -> None:
    at = opened()
    at.button("hot").click().run()
    assert shown(at) == ("hot", "hot")
    at.button("all").click().run()
    assert shown(at) == ("all", None)


def test_a_step_back_to_a_page_without_a_choice_is_one() -> None:
    at = opened()
    at.button("hot").click().run()
    del at.query_params["band"]
    assert shown(at.run()) == ("all", None)


def test_a_step_back_to_another_choice_is_one_too() -> None:
    at = opened(band="warm")
    at.button("hot").click().run()
    at.query_params["band"] = "warm"
    assert shown(at.run()) == ("warm", "warm")


def test_a_choice_comes_along_to_another_page_and_back() -> None:
    at = opened()
    at.button("hot").click().run()
    at.query_params.clear()
    at.query_params["page"] = "other"
    at.run()
    del at.query_params["page"]
    assert shown(at.run()) == ("hot", "hot")


@pytest.mark.parametrize("text", ["", "-1", "x", "²", "٣", " 7", "1_0", str(2**63), "9" * 5_000])
def test_what_the_database_knows_as_no_id_is_none(text: str) -> None:
    assert an_id(text) is None
    assert ids(["7", text, "3", "7"]) == (3, 7)


def test_the_largest_id_is_one() -> None:
    assert an_id(str(2**63 - 1)) == 2**63 - 1
