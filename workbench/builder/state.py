"""A draft as people speak of it: what changed between two, what keeps it from being published, which consent it is.

Drafts are JSON that may be faulty, so nothing here relies on more than steps and fields being lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from typing import Any, Final

from snapshots.form_definition import Definition, FormField, Protection, ThankYou, Theme, faults

Draft = Mapping[str, Any]

# --- parts -----------------------------------------------------------------------------------------------------------


@cache
def defaults() -> dict[str, dict[str, Any]]:
    """What a part is where the draft says nothing of it: field, theme, thank_you, protection."""
    field = FormField.model_validate({"name": "x", "kind": "text", "label": "x"}).model_dump(mode="json")
    return {
        "field": {name: value for name, value in field.items() if name not in {"name", "kind", "label"}},
        "theme": Theme().model_dump(mode="json"),
        "thank_you": ThankYou().model_dump(mode="json"),
        "protection": Protection().model_dump(mode="json"),
    }


def usable(draft: Draft) -> dict[str, Any]:
    """A copy that has at least one step, and a list of fields in each."""
    made = deepcopy(dict(draft))
    made["steps"] = [{**step, "fields": list(step.get("fields") or [])} for step in made.get("steps") or [{}]]
    return made


def fields_of(draft: Draft) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each field, with what it leaves out filled in, and the number of its step."""
    for number, step in enumerate(draft.get("steps") or []):
        for field in step.get("fields") or []:
            yield number, {"label": "", **defaults()["field"], **field}


def title_of(field: Mapping[str, Any]) -> str:
    """As people know the field: its label, else its name."""
    return str(field.get("label") or field.get("consent_text") or field.get("name") or "A field")


# --- consent ---------------------------------------------------------------------------------------------------------


def numbered_consents(draft: Draft, published: Draft | None) -> dict[str, Any]:
    """The draft with the version of each consent: the published one while the text is the same, else the next."""
    known = {field["name"]: field for _, field in fields_of(published or {})}
    made = usable(draft)
    for step in made["steps"]:
        for field in step["fields"]:
            if field.get("kind") == "consent" and (before := known.get(field.get("name"))):
                is_same = before["consent_text"].strip() == str(field.get("consent_text", "")).strip()
                field["consent_version"] = before["consent_version"] + (0 if is_same else 1)
    return made


# --- what changed ----------------------------------------------------------------------------------------------------

_FORM: Final = {
    "title": "Title", "language": "Language", "source": "Source", "campaign": "Campaign",
    "domains": "Allowed domains", "redirects": "Addresses that it may lead to", "notify": "Who is told of new leads",
}  # fmt: skip
_PARTS: Final = {"theme": "Looks", "thank_you": "After sending", "protection": "Protection"}
_FIELD: Final = {
    "kind": "kind", "help": "help text", "placeholder": "placeholder", "default": "what it begins with",
    "limits": "limits", "country": "country", "from_query": "parameter of the page", "properties": "CRM properties",
    "policy": "what happens to a value in the CRM",
}  # fmt: skip


def changes(before: Draft, after: Draft) -> list[str]:
    """What is different in `after`, a sentence each; empty where it comes to the same."""
    old, new = ({field["name"]: (step, field) for step, field in fields_of(one)} for one in (before, after))
    return [
        *(f"New field “{title_of(field)}”" for name, (_, field) in new.items() if name not in old),
        *(f"Field “{title_of(field)}” is gone" for name, (_, field) in old.items() if name not in new),
        *_moved(old, new),
        *(words for name in new if name in old for words in _field_changes(old[name][1], new[name][1], after)),
        *_step_changes(before, after),
        *_form_changes(before, after),
    ]


Placed = Mapping[str, tuple[int, Mapping[str, Any]]]


def _moved(old: Placed, new: Placed) -> Iterator[str]:
    was, now = ([name for name in one if name in other] for one, other in ((old, new), (new, old)))
    stayed = {
        name
        for block in SequenceMatcher(None, was, now, autojunk=False).get_matching_blocks()
        for name in was[block.a : block.a + block.size]
    }
    for name in now:
        if old[name][0] != new[name][0]:
            yield f"“{title_of(new[name][1])}” now stands in step {new[name][0] + 1}"
        elif name not in stayed:
            yield f"“{title_of(new[name][1])}” stands at another place"


def _field_changes(old: Mapping[str, Any], new: Mapping[str, Any], after: Draft) -> Iterator[str]:
    title = title_of(new)
    if old["label"] != new["label"]:
        yield f"Label “{old['label']}” is now “{new['label']}”"
    if old["is_required"] != new["is_required"]:
        yield f"“{title}” {'is required now' if new['is_required'] else 'is not required any more'}"
    yield from _option_changes(title, old, new)
    if old["show_if"] != new["show_if"]:
        yield f"“{title}” is shown {_condition(new['show_if'], after)}"
    if old["consent_text"] != new["consent_text"]:
        yield f"The wording of “{title}” is another one"
    what = [words for name, words in _FIELD.items() if _bare(old[name]) != _bare(new[name])]
    if what:
        yield f"“{title}”: {', '.join(what)}"


def _condition(rule: Mapping[str, Any] | None, draft: Draft) -> str:
    """By the labels of the other field and of its options, as people know them."""
    if not rule:
        return "always"
    other = next((field for _, field in fields_of(draft) if field.get("name") == rule.get("field")), None)
    values = [str(one) for one in rule.get("is_any_of") or ()]
    if other is None:
        return f"if {rule.get('field')} is {' or '.join(values)}"
    if other.get("kind") == "checkbox" and values == ["yes"]:
        return f"if {title_of(other)} is ticked"
    labels = {one.get("value"): one.get("label") for one in other.get("options") or ()}
    return f"if {title_of(other)} is {' or '.join(labels.get(one) or one for one in values)}"


def _option_changes(title: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    was, now = ({one["value"]: one["label"] for one in field["options"]} for field in (old, new))
    parts = [f"new: {label}" for value, label in now.items() if value not in was]
    parts += [f"gone: {label}" for value, label in was.items() if value not in now]
    parts += [f"{was[value]} is now {label}" for value, label in now.items() if was.get(value, label) != label]
    if not parts and list(was) != list(now):
        parts = ["in another order"]
    if parts:
        yield f"Options of “{title}”: {'; '.join(parts)}"


def _step_changes(before: Draft, after: Draft) -> Iterator[str]:
    was, now = ([str(step.get("title") or "") for step in one.get("steps") or []] for one in (before, after))
    if len(was) != len(now):
        yield f"{len(now)} {'step' if len(now) == 1 else 'steps'} instead of {len(was)}"
    elif was != now:
        yield "Titles of steps: " + ", ".join(f"“{title}”" for title in now)


def _form_changes(before: Draft, after: Draft) -> Iterator[str]:
    for name, words in _FORM.items():
        old, new = (_bare(one.get(name)) for one in (before, after))
        if old != new and not (name == "language" and {old, new} == {None, "en"}):
            yield f"{words}: {_value(new)}"
    for name, words in _PARTS.items():
        old, new = ({**defaults()[name], **(one.get(name) or {})} for one in (before, after))
        parts = [f"{key.replace('_', ' ')} {_value(new[key])}" for key in new if old.get(key) != new[key]]
        if parts:
            yield f"{words}: {', '.join(parts)}"
    languages = {one for draft in (before, after) for one in draft.get("translations") or {}}
    changed = sorted(one for one in languages if _in_language(before, one) != _in_language(after, one))
    if changed:
        yield f"Texts in {', '.join(changed)}"
    if _bare(before.get("words")) != _bare(after.get("words")):
        yield "Words of the widget"


def _in_language(draft: Draft, language: str) -> object:
    return _bare((draft.get("translations") or {}).get(language))


def _bare(value: object) -> object:
    """Without what is empty, so that what is left out and what is empty are the same."""
    if isinstance(value, Mapping):
        kept = {name: bare for name, one in value.items() if (bare := _bare(one)) not in (None, "any")}
        return kept or None
    if isinstance(value, list | tuple):
        return [_bare(one) for one in value] or None
    return None if value == "" else value


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value in (None, "") else str(value)


# --- what is wrong ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFault:
    """title: of the field, "" for the form. step, index: where the field stands. tab, key: the input that mends it."""

    message: str
    title: str = ""
    step: int | None = None
    index: int | None = None
    tab: str = "fields"
    key: str | None = None


def named_faults(draft: Draft) -> list[NamedFault]:
    """Why the draft cannot be published, each with what mends it; empty where it can."""
    return [_named(draft, one.place.split(".") if one.place else [], one.message) for one in faults(draft)]


def _named(draft: Draft, place: list[str], message: str) -> NamedFault:
    if place[:1] == ["steps"] and len(place) > 3 and place[2] == "fields":
        step, index = int(place[1]), int(place[3])
        title = title_of(draft["steps"][step]["fields"][index])
        words = _plain(message, place[4:])
        return NamedFault(message=words, title=title, step=step, index=index, key=_input(place[4:]))
    if place[:1] == ["steps"] and len(place) > 1:
        return NamedFault(message=f"Step {int(place[1]) + 1}: {_plain(message, place[2:])}", step=int(place[1]))
    if not place:
        return _of_the_whole(draft, message)
    tab = {"theme": "looks", "translations": "texts", "words": "texts"}.get(place[0], "settings")
    key = {"thank_you": "thank-message", "protection": place[-1], "theme": place[-1]}.get(place[0], place[0])
    named = {**_FORM, **_PARTS, "translations": "Texts", "words": "Texts"}.get(place[0], place[0])
    return NamedFault(message=_plain(message, place[1:] or place), title=named, tab=tab, key=key)


_NAMES_ONE: Final = (re.compile(r"^(\w+) depends on "), re.compile(r"^two fields have the name (\w+)$"))


def _of_the_whole(draft: Draft, message: str) -> NamedFault:
    name = next((found[1] for pattern in _NAMES_ONE if (found := pattern.search(message))), None)
    places = [
        (step, index, field)
        for step, part in enumerate(draft.get("steps") or [])
        for index, field in enumerate(part.get("fields") or [])
        if name is not None and field.get("name") == name
    ]
    if places:
        step, index, field = places[-1]
        key = "show-if" if "depends" in message else "name"
        return NamedFault(message=message, title=title_of(field), step=step, index=index, key=key)
    if "redirects" in message:
        return NamedFault(message=message, title="After sending", tab="settings", key="thank-url")
    return NamedFault(message=message[:1].upper() + message[1:], key="kind-email")


def _input(place: list[str]) -> str:
    """The data-key of the input that holds this part of a field."""
    match place:
        case ["options", index, name]:
            return f"option-{name}-{index}"
        case ["show_if", *_]:
            return "show-if"
        case ["properties", provider, *_]:
            return f"property-{provider}"
        case ["limits", name, *_]:
            return name
        case [name, *_]:
            return name
        case _:
            return "label"


_PATTERNS: Final = {
    "name": "a name has small letters, digits and _, and begins with a letter",
    "country": "two capital letters, such as DE",
    "from_query": "letters, digits and - _ . alone",
    "font": "names of fonts, separated by commas",
    "language": "a language is written as en or pt-BR",
}


def _plain(message: str, place: list[str]) -> str:
    """The words of pydantic, as people say it."""
    if message.startswith("String should match pattern"):
        return _PATTERNS.get(place[-1] if place else "", "a colour is written as #3F57D6")
    message = re.sub(r"^String should have at most (\d+) characters?$", r"at most \1 characters", message)
    message = re.sub(r"^String should have at least 1 character$", "this is empty", message)
    message = re.sub(r"^Tuple should have at least 1 item.*", "choose at least one value", message)
    if message.startswith("Input should"):
        message = message.replace("Input should", f"{(place or ['it'])[-1].replace('_', ' ')} should")
    return message


def parsed(draft: Draft) -> Definition | None:
    """The definition, where it has no fault."""
    return None if faults(draft) else Definition.model_validate(draft)
