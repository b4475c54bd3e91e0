"""The workbench's entry: page configuration and navigation, nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from workbench import shell

st.set_page_config(page_title="SLMS", page_icon="static/icon.svg", layout="wide")
page = st.navigation(shell.pages(), expanded=True)
st.set_page_config(page_title=f"{page.title} · SLMS")
shell.dress(now=datetime.now(UTC))
page.run()
