"""Admin, users: who may sign in, as what, and which salesperson that is."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from snapshots.slices import Role
from snapshots.users import User
from workbench import access, admin_data, cards, formats, lead_words, tables
from workbench.columns import Column
from workbench.view import View

ROLES: Final = {
    Role.ADMIN: "Administrator: everything",
    Role.SALES_OPS: "Sales ops: sees everything, syncs, imports, changes settings",
    Role.ANALYST: "Analyst: sees everything, changes nothing",
    Role.MANAGER: "Manager: rows of the teams he manages",
    Role.REP: "Salesperson: own rows",
}
_COLUMNS: Final = (
    Column(field="email", title="E-mail", width=1.4),
    Column(field="name", title="Name"),
    Column(field="role", title="Role"),
    Column(field="owner", title="Salesperson", missing="None"),
    Column(field="state", title="May sign in"),
)
_NEW: Final = "New user"


def draw(view: View) -> None:
    users = admin_data.list_users(view)
    note = f"{formats.plural(len(users), 'user')} of {view.organization_name}"
    cards.title("Users", note if users else "Nobody has been added yet")
    if not access.oidc_is_configured():
        st.markdown(":gray[:small[Nobody has to sign in here: whoever reaches this page is its administrator. Users "
                    "count once a login is configured.]]")  # fmt: skip
    if users:
        tables.plain(_frame(users, view), _COLUMNS, caption="Users")
    with st.container(border=True):
        _edit(view, users)


def _frame(users: list[User], view: View) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "email": one.email, "name": one.name, "role": ROLES[one.role].partition(":")[0],
                "owner": view.choices.owners.get(one.owner_id) if one.owner_id else None,
                "state": "Yes" if one.is_active else "No",
            }
            for one in users
        ]
    )  # fmt: skip


def _edit(view: View, users: list[User]) -> None:
    known = {one.email: one for one in users}
    cards.title("Add or change", "By the e-mail address that the person signs in with")
    picked = st.selectbox("Who", [_NEW, *known], key="user_picked", width=320)
    held = known.get(picked)
    key = f"user_{picked if held else 'new'}"
    with st.container(horizontal=True):
        email = held.email if held else st.text_input("E-mail", key=f"{key}_email", width=260)
        name = st.text_input("Name", (held.name if held else "") or "", key=f"{key}_name", width=220)
        role = st.selectbox("Role", list(ROLES), format_func=ROLES.__getitem__, key=f"{key}_role", width=320,
                            index=list(ROLES).index(held.role if held else Role.REP))  # fmt: skip
        owner_email = _owner(view, held, key)
    is_active = st.toggle("May sign in", held.is_active if held else True, key=f"{key}_active")
    if st.button("Save" if held else "Add", type="primary", key="user_save", disabled="@" not in email):
        try:
            admin_data.save_user(
                view, email, role=role, name=name.strip() or None, owner_email=owner_email, is_active=is_active
            )
        except (admin_data.LastAdministrator, LookupError) as error:
            st.error(lead_words.plain(str(error)), icon=":material/error:")
            return
        st.toast(f"{lead_words.plain(email)} is saved.", icon=":material/check:")
        st.rerun()


def _owner(view: View, held: User | None, key: str) -> str | None:
    """The e-mail of the salesperson that the user is; None: the one with the user's own, if any."""
    staff = {one.owner_id: one for one in admin_data.staff(view).values() if one.email}
    own = held.owner_id if held and held.owner_id in staff else 0
    names = {0: "The one with this e-mail, if any"} | {one.owner_id: one.name for one in staff.values()}
    picked = st.selectbox("Salesperson", list(names), format_func=names.__getitem__, index=list(names).index(own),
                          key=f"{key}_owner", width=260)  # fmt: skip
    return staff[picked].email if picked else None
