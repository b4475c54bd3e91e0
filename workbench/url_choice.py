"""A page's own choice between runs: it lives in the session, so that other pages may be looked at meanwhile, and stands
in the URL, so that it can be sent, bookmarked and gone back to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar, cast

import streamlit as st

Choice = TypeVar("Choice")
_MOST_ID: Final = 2**63 - 1
_NOW, _BEFORE = "choices_of_this_run", "choices_of_the_run_before"


def begin_run() -> None:
    """Called once per run, before the page: which choices the run before had looked at."""
    st.session_state[_BEFORE] = st.session_state.pop(_NOW, frozenset())


def an_id(text: str) -> int | None:
    """An id that a URL names; None where it is none, or larger than the database knows."""
    is_id = text.isascii() and text.isdigit() and len(text) <= len(str(_MOST_ID)) and int(text) <= _MOST_ID
    return int(text) if is_id else None


def ids(texts: Sequence[str]) -> tuple[int, ...]:
    """Those that are ids, each once, in order."""
    return tuple(sorted({found for text in texts if (found := an_id(text)) is not None}))


@dataclass(frozen=True, slots=True)
class UrlChoice(Generic[Choice]):
    """name: of it in the session. parameters: those of the URL that are its own. read: what these ask for; write: the
    ones that bring a choice back, without those that say nothing. default: nothing chosen."""

    name: str
    parameters: Sequence[str]
    read: Callable[[Mapping[str, Sequence[str]]], Choice]
    write: Callable[[Choice], Mapping[str, Sequence[str]]]
    default: Choice

    def adopt(self, mend: Callable[[Choice], Choice] = lambda choice: choice) -> Choice:
        """The choice of this run. mend: leaves out what is not there any more."""
        params = {name: st.query_params.get_all(name) for name in self.parameters if name in st.query_params}
        if self.name not in st.session_state or self._url_wins(params):
            st.session_state[self.name] = self.read(params)
        choice = mend(self.kept())
        wanted = {name: list(values) for name, values in self.write(choice).items()}
        for name in self.parameters:
            if name in wanted and st.query_params.get_all(name) != wanted[name]:
                st.query_params[name] = wanted[name]
            elif name not in wanted and name in st.query_params:
                del st.query_params[name]
        st.session_state[self.name], st.session_state[self._written] = choice, wanted
        st.session_state[_NOW] = st.session_state.get(_NOW, frozenset()) | {self.name}
        return choice

    def kept(self) -> Choice:
        """The choice of the session."""
        return cast("Choice", st.session_state.get(self.name, self.default))

    def change(self, **changes: Any) -> None:
        """Changes the choice of the session; the URL follows with the next run."""
        st.session_state[self.name] = replace(cast("Any", self.kept()), **changes)

    def clear(self) -> None:
        st.session_state[self.name] = self.default

    def leave(self) -> None:
        """The URL says nothing of what is not looked at."""
        for name in self.parameters:
            st.query_params.pop(name, None)
        st.session_state[self._written] = {}

    def _url_wins(self, params: Mapping[str, Sequence[str]]) -> bool:
        """It is another one than was written: a link was opened, or the browser went back. One without any of the
        parameters is a step back only where the page was looked at before: from another page the choice comes along."""
        if params == st.session_state.get(self._written):
            return False
        return bool(params) or self.name in st.session_state.get(_BEFORE, frozenset())

    @property
    def _written(self) -> str:
        return f"{self.name}_url"
