"""What a contact in the CRM is set to, by the policies of its fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import APPENDED, ContactInput, FieldPolicy

OVERWRITE, IF_EMPTY, APPEND = FieldPolicy


@pytest.mark.parametrize(
    ("policy", "held", "given_value", "changes"),
    [
        (OVERWRITE, "old", "new", {"company": "new"}),
        (OVERWRITE, "old", "old", {}),
        (IF_EMPTY, "old", "new", {}),
        (IF_EMPTY, "", "new", {"company": "new"}),
        (IF_EMPTY, None, "new", {"company": "new"}),
        (APPEND, "", "new", {"company": "new"}),
        (APPEND, "old", "new", {"company": f"old{APPENDED}new"}),
        (APPEND, f"old{APPENDED}new", "new", {}),
        (APPEND, "new and more", "new", {"company": f"new and more{APPENDED}new"}),
        (OVERWRITE, "old", "  ", {}),
        (APPEND, "old", None, {}),
    ],
)
def test_a_field_is_set_by_its_policy(
    policy: FieldPolicy, held: str | None, given_value: str | None, changes: dict[str, str]
) -> None:
    contact = ContactInput(company=given_value, policies={"company": policy})
    assert contact.merged_into({"company": held}) == changes


def test_a_field_without_a_policy_is_overwritten_and_further_ones_have_theirs() -> None:
    contact = ContactInput(
        first_name="Ada", fields={"note": "b", "budget": "9"}, policies={"note": APPEND, "budget": IF_EMPTY}
    )
    held = {"first_name": "A.", "note": "a", "budget": "3", "owner": "7"}
    assert contact.merged_into(held) == {"first_name": "Ada", "note": f"a{APPENDED}b"}


texts = st.text(st.characters(exclude_characters=";"), max_size=8)
fields = st.dictionaries(st.sampled_from(["email", "phone", "company", "first_name"]), texts)


@given(fields, fields, st.dictionaries(st.sampled_from(["email", "phone", "company"]), st.sampled_from(FieldPolicy)))
def test_doing_it_again_changes_nothing_and_nothing_is_ever_emptied(
    sent: dict[str, str], held: dict[str, str], policies: dict[str, FieldPolicy]
) -> None:
    contact = ContactInput(**sent, policies=policies)
    after = held | contact.merged_into(held)
    assert contact.merged_into(after) == {}
    assert all(after[name] for name, value in held.items() if value.strip())


def test_who_may_write_is_no_part_of_a_contact() -> None:
    assert ContactInput(email="a@example.com", may_write=lambda: False) == ContactInput(email="a@example.com")
