"""A rule in words, and the dialog in which it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import streamlit as st

from snapshots.routing_rules import BANDS, MOST_WEIGHT, Condition, Rule, RuleRefused, Test, What, number
from workbench import admin_data, lead_words, leads_data, score_words
from workbench.view import View

_OPEN, _SAID = "rule_dialog", "rule_said"
MOST_CONDITIONS: Final = 4
WHATS: Final[Mapping[What, str]] = {
    "country": "Country of the phone number", "form": "Form", "source": "Source", "campaign": "Campaign",
    "field": "A field", "score": "Score", "band": "Band of the score",
}  # fmt: skip
TESTS: Final[Mapping[Test, str]] = {"is": "is one of", "contains": "contains", "at_least": "is at least"}


def ask(rule: Rule) -> None:
    """Opens the dialog with the run that follows."""
    st.session_state[_OPEN] = rule


def close() -> None:
    st.session_state.pop(_OPEN, None)


def told() -> None:
    words = st.session_state.pop(_SAID, None)
    if words:
        st.toast(words, icon=":material/check:")


def when(view: View, rule: Rule) -> str:
    """The conditions in words."""
    if rule.is_default:
        return "All that no rule takes"
    return " and ".join(_condition(view, one) for one in rule.conditions)


def _condition(view: View, one: Condition) -> str:
    forms = {str(form.form_id): form.name for form in leads_data.all_forms(view)} if one.what == "form" else {}
    values = " or ".join(forms.get(value, value) for value in one.values)
    what = one.name if one.what == "field" else "band" if one.what == "band" else WHATS[one.what].lower()
    test = "is" if one.test == "is" else TESTS[one.test]
    return f"{what} {test} {values}"


def warning(view: View, rule: Rule) -> str:
    """As Markdown: that no lead can meet the rule, for none has a score now; empty where that is not so."""
    why = admin_data.why_no_scores(view) if rule.asks_score else None
    return "" if why is None else f":orange[:material/warning:] :small[{_no_scores(why)}]"


def _no_scores(why: str) -> str:
    return lead_words.plain(f"Leads have no score now, so that none meets this rule: {why}")


def whom(view: View, rule: Rule) -> str:
    """Who gets the leads, in words."""
    if rule.owner_id is not None:
        person = admin_data.staff(view).get(rule.owner_id)
        return person.name if person else "somebody who has left"
    team = admin_data.teams(view).get(rule.team_id or 0, "a team that is gone")
    return f"team {team}, by turns" + (", weighted" if rule.weights else "")


def draw(view: View) -> None:
    """The dialog, if it is open."""
    rule = st.session_state.get(_OPEN)
    if rule is not None:
        title = "Default" if rule.is_default else "Edit the rule" if rule.rule_id else "New rule"
        st.dialog(title, width="large", on_dismiss=close)(_body)(view, rule)


def _body(view: View, rule: Rule) -> None:
    key = f"ruled_{rule.rule_id}_{int(rule.is_default)}"
    name = rule.name if rule.is_default else st.text_input("Name", rule.name, key=f"{key}_name", max_chars=120)
    conditions = () if rule.is_default else _conditions(view, rule, key)
    owner_id, team_id, weights = _target(view, rule, key)
    is_active = st.toggle("In use", rule.is_active, key=f"{key}_active")
    with st.container(horizontal=True, gap="small"):
        is_saved = st.button("Save", type="primary", key="rule_save")
        if st.button("Cancel", key="rule_cancel"):
            close()
            st.rerun()
    if not is_saved:
        return
    wanted = Rule(
        name=name, conditions=conditions, owner_id=owner_id, team_id=team_id, weights=weights, is_active=is_active,
        is_default=rule.is_default, rule_id=rule.rule_id,
    )  # fmt: skip
    try:
        admin_data.save_rule(view, wanted)
    except RuleRefused as error:
        st.error(lead_words.plain(str(error)), icon=":material/error:")
        return
    st.session_state[_SAID] = f"{lead_words.plain(wanted.name)} is saved."
    close()
    st.rerun()


def _conditions(view: View, rule: Rule, key: str) -> tuple[Condition, ...]:
    n = st.number_input("Conditions, all of which must be met", 1, MOST_CONDITIONS, max(1, len(rule.conditions)),
                        key=f"{key}_n", width=280)  # fmt: skip
    held = [*rule.conditions, *[Condition(what="country", values=())] * MOST_CONDITIONS]
    made = tuple(_one(view, held[place], f"{key}_{place}") for place in range(int(n)))
    why = admin_data.why_no_scores(view) if any(one.asks_score for one in made) else None
    if why is not None:
        st.warning(_no_scores(why), icon=":material/warning:")
    return made


def _one(view: View, held: Condition, key: str) -> Condition:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        whats = list(WHATS)
        what = st.selectbox("Of the lead", whats, index=whats.index(held.what), format_func=WHATS.__getitem__,
                            key=f"{key}_what", width=230)  # fmt: skip
        name = st.text_input("Field", held.name, key=f"{key}_field", width=150) if what == "field" else ""
        if what == "form":
            forms = {str(one.form_id): one.name for one in leads_data.all_forms(view)}
            known = [one for one in held.values if one in forms] if held.what == "form" else []
            picked = st.pills("is one of", list(forms), selection_mode="multi", default=known, key=f"{key}_forms",
                              format_func=lambda one: lead_words.plain(forms[one]))  # fmt: skip
            return Condition(what="form", values=tuple(picked))
        if what in {"score", "band"}:
            return _of_score(what, held, key)
        tests: list[Test] = list(TESTS) if what == "field" else ["is", "contains"]
        at = tests.index(held.test) if held.test in tests else 0
        test = st.selectbox("How", tests, index=at, format_func=TESTS.__getitem__, key=f"{key}_test_{what}", width=130)
        hint = "DE, AT, CH" if what == "country" else "Several are parted by commas"
        given = st.text_input("Values", ", ".join(held.values) if held.what != "form" else "", key=f"{key}_values",
                              placeholder=hint, width=220)  # fmt: skip
    values = [given] if test == "at_least" else given.split(",")
    return Condition(what=what, name=name, test=test, values=tuple(one.strip() for one in values if one.strip()))


def _of_score(what: What, held: Condition, key: str) -> Condition:
    if what == "band":
        known = [one.casefold() for one in held.values if one.casefold() in BANDS] if held.what == "band" else []
        picked = st.pills("is one of", BANDS, selection_mode="multi", default=known, key=f"{key}_bands",
                          format_func=score_words.BANDS.__getitem__)  # fmt: skip
        return Condition(what="band", values=tuple(picked))
    least = number(held.values[0]) if held.what == "score" and held.values else None
    wanted = st.number_input(
        "is at least", 0, 100, int(least) if least is not None else 60, key=f"{key}_score", width=130,
        help="50 is the base rate, and ten points double the odds.",
    )  # fmt: skip
    return Condition(what="score", test="at_least", values=(str(int(wanted)),))


def _target(view: View, rule: Rule, key: str) -> tuple[int | None, int | None, Mapping[int, int]]:
    staff = {one.owner_id: one.name for one in admin_data.staff(view).values()}
    kinds = {"owner": "One person", "team": "A team, by turns"}
    kind = st.radio("Who gets them", list(kinds), index=int(rule.team_id is not None), key=f"{key}_kind",
                    horizontal=True, format_func=kinds.__getitem__)  # fmt: skip
    if kind == "owner":
        at = list(staff).index(rule.owner_id) if rule.owner_id in staff else None
        picked = st.selectbox("Person", list(staff), index=at, format_func=staff.__getitem__, key=f"{key}_owner",
                              placeholder="Choose a salesperson")  # fmt: skip
        return picked, None, {}
    teams = admin_data.teams(view)
    at = list(teams).index(rule.team_id) if rule.team_id is not None and rule.team_id in teams else None
    team_id = st.selectbox("Team", list(teams), index=at, format_func=teams.__getitem__, key=f"{key}_team",
                           placeholder="Choose a team")  # fmt: skip
    return None, team_id, _weights(view, rule, team_id, key) if team_id else {}


def _weights(view: View, rule: Rule, team_id: int, key: str) -> Mapping[int, int]:
    """How often each member has a turn; those of weight 1 are not kept."""
    members = [one for one in admin_data.staff(view).values() if one.team_id == team_id]
    if not members:
        st.markdown(":orange[:material/warning:] :gray[Nobody is in this team now.]")
        return {}
    st.markdown(":gray[:small[Weights: 2 gets twice as many as 1; 0 gets none]]")
    with st.container(horizontal=True):
        given = {
            one.owner_id: st.number_input(
                lead_words.plain(one.name), 0, MOST_WEIGHT, rule.weights.get(one.owner_id, 1),
                key=f"{key}_weight_{one.owner_id}", width=180,
            )
            for one in members
        }  # fmt: skip
    return {owner_id: int(weight) for owner_id, weight in given.items() if int(weight) != 1}
