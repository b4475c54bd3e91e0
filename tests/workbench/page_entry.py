"""The workbench's entry at a moment of the test's choice."""

import streamlit as st
from made_installation import NOW

from workbench import shell

page = st.navigation(shell.pages(), expanded=True)
shell.dress(now=st.session_state.get("test_now", NOW))
page.run()
