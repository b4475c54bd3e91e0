"""Who is looking: a person signed in through OIDC where that is configured, else the one local administrator.

Without OIDC everyone who reaches the page is the administrator, so then it answers on loopback alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

import streamlit as st

from workbench.lead_words import plain

LOCAL_NAME = "Local administrator"


def oidc_is_configured() -> bool:
    """Whether secrets.toml has an [auth] section, as `st.login` wants it."""
    try:
        return isinstance(st.secrets.get("auth"), Mapping)
    except FileNotFoundError:
        return False


def is_loopback(address: str | None) -> bool:
    """Whether this address reaches this machine alone. An empty one means all interfaces."""
    if address == "localhost":
        return True
    try:
        return bool(address) and ip_address(str(address)).is_loopback
    except ValueError:
        return False


def email() -> str | None:
    """The e-mail of the person signed in; None for the local administrator. Stops the run until somebody may go on."""
    if not oidc_is_configured():
        if not is_loopback(st.get_option("server.address")):
            _refuse()
        return None
    if not st.user.is_logged_in:
        _sign_in()
    verified = st.user.get("email_verified", True)
    address = st.user.get("email")
    if not isinstance(address, str) or verified is False:
        stranger("without a verified e-mail address")
    return str(address).casefold()


def who() -> str:
    """Who does it, as it is written down."""
    return email() or LOCAL_NAME


def _refuse() -> None:
    st.title("This address is closed", anchor=False)
    st.markdown(
        "The workbench is reachable from other machines, but nobody has to sign in. Bind it to 127.0.0.1 "
        "(`--server.address 127.0.0.1`), or configure a login in `.streamlit/secrets.toml` under `[auth]`."
    )
    st.stop()


def _sign_in() -> None:
    with st.container(horizontal_alignment="center", gap="small"):
        st.space("large")
        st.image("static/icon.svg", width=44)
        st.title("Sign in to SLMS", anchor=False, width="content")
        st.button("Sign in", type="primary", icon=":material/login:", on_click=st.login, key="sign_in")
    st.stop()


def stranger(who: str) -> None:
    """Ends the run for somebody who is signed in but not a user here."""
    st.title("No access yet", anchor=False)
    st.markdown(f"You are signed in as {plain(who)}, who is not a user of any organization here. Ask an administrator.")
    st.button("Sign out", on_click=st.logout, key="sign_out_stranger")
    st.stop()
