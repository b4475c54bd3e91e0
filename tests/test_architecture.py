"""The rules of ARCHITECTURE.md and CONTRIBUTING.md that a program can check, each shown to find a made-up violation."""

from __future__ import annotations

import ast
import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("adapters", "snapshots", "insights", "ops", "workbench", "lead_endpoint")
FOLDERS = {*PACKAGES, "benchmarks", "docs", "notebooks", "static", "tests"}
ENTRIES = {"streamlit_app.py"}
LEFT_BEHIND = re.compile(r"\.|__pycache__$|build$|dist$|.*\.egg-info$|screenshots$")


@dataclass(frozen=True)
class Module:
    """A source file. path: relative to the project, with slashes."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return _parsed(self.text)

    @property
    def package(self) -> str:
        return self.path.partition("/")[0]

    @property
    def name(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


@cache
def product_code() -> tuple[Module, ...]:
    """The packages, the entries and the benchmarks; not the tests."""
    files = [path for package in (*PACKAGES, "benchmarks") for path in sorted((ROOT / package).rglob("*.py"))]
    files += [ROOT / entry for entry in sorted(ENTRIES)]
    return tuple(Module(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in files)


def names_in(node: ast.AST) -> str:
    return ast.unparse(node)


# --- rules on one module: each yields what breaks it -----------------------------------------------------------------

Rule = Callable[[Module], Iterator[str]]
CLOCKS = re.compile(r"(^|\.)(datetime|date|Timestamp)\.(now|utcnow|today)$|^time\.(time|time_ns)$")
ENVIRONMENT = re.compile(r"^os\.(environ|environb|getenv|putenv)$")
MONEY = re.compile(r"amount|money|minor|price|revenue|total|pipeline|won|value", re.IGNORECASE)
VAGUE = re.compile(r"(^|_)(utils?|helpers?|common|core|managers?|misc)$")
OUTSIDE = re.compile(r"\.\./shared|/work/|house_style|\bissue #?\d|\bTODO\b|\bFIXME\b|\bXXX\b")
TEXTS = {".py", ".md", ".toml", ".ini", ".txt", ".in", ".css", ".js", ".html", ".ipynb", ".example", ".mako", ""}
MADE_UP = {"tests/test_architecture.py", "tests/test_docs.py"}


def no_hidden_clock(module: Module) -> Iterator[str]:
    if module.package in {"ops", "benchmarks"} or module.path in ENTRIES:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and CLOCKS.search(names_in(node)):
            yield f"{names_in(node)} asks for the time; take `now` as an argument"
        if isinstance(node, ast.ImportFrom) and node.module == "time" and "time" in {one.name for one in node.names}:
            yield "imports the clock; take `now` as an argument"


def no_hidden_environment(module: Module) -> Iterator[str]:
    if module.package in {"ops", "benchmarks"} or module.path in ENTRIES:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and ENVIRONMENT.search(names_in(node)):
            yield f"{names_in(node)} reads the environment; settings come from ops"
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (f"imports {one.name} from os" for one in node.names if ENVIRONMENT.search(f"os.{one.name}"))


def no_vague_name(module: Module) -> Iterator[str]:
    yield from (f"{part} hides nothing; name what it owns" for part in module.name.split(".") if VAGUE.search(part))


def says_what_it_owns(module: Module) -> Iterator[str]:
    if module.text.strip() and not ast.get_docstring(module.tree):
        yield "has no module docstring"


def does_not_print(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        is_print = isinstance(node, ast.Call) and names_in(node.func) in {"print", "pprint", "pprint.pprint"}
        if is_print and module.package != "benchmarks":
            yield "prints; return it, log it, or let the command line echo it"


def missing_money_is_not_zero(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "get":
            continue
        has_zero = len(node.args) == 2 and isinstance(node.args[1], ast.Constant) and node.args[1].value in (0, 0.0)
        if has_zero and MONEY.search(f"{names_in(node.func.value)} {names_in(node.args[0])}"):
            yield f"{names_in(node)} makes a missing amount zero"


def an_outage_is_not_an_empty_result(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and _gives_nothing(node.body[-1]):
            yield "a broad except that gives nothing: an outage would look like a quiet week"


def _is_broad(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or names_in(handler.type) in {"Exception", "BaseException"}


def _gives_nothing(last: ast.stmt) -> bool:
    if isinstance(last, ast.Pass):
        return True
    return isinstance(last, ast.Return) and (
        last.value is None or names_in(last.value) in {"[]", "{}", "()", "0", "None"}
    )


def speaks_of_the_product_only(module: Module) -> Iterator[str]:
    yield from outside(module.text)


def outside(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), start=1):
        if OUTSIDE.search(line):
            yield f"line {number} names something outside the project, or work left to do: {line.strip()}"


RULES: tuple[Rule, ...] = (
    no_hidden_clock,
    no_hidden_environment,
    no_vague_name,
    says_what_it_owns,
    does_not_print,
    missing_money_is_not_zero,
    an_outage_is_not_an_empty_result,
    speaks_of_the_product_only,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_code_keeps_the_rule(rule: Rule) -> None:
    broken = [f"{module.path}: {what}" for module in product_code() for what in rule(module)]
    assert not broken, "\n".join(broken)


VIOLATIONS = [
    (no_hidden_clock, "snapshots/a.py", "from datetime import datetime\nx = datetime.now()"),
    (no_hidden_clock, "insights/a.py", "import datetime as d\nx = d.date.today()"),
    (no_hidden_clock, "workbench/a.py", "import datetime\ndef f(now=lambda: datetime.datetime.utcnow()): ..."),
    (no_hidden_clock, "adapters/a.py", "import time\nx = time.time()"),
    (no_hidden_clock, "adapters/a.py", "from time import time"),
    (no_hidden_clock, "insights/a.py", "import pandas as pd\nx = pd.Timestamp.now()"),
    (no_hidden_environment, "adapters/a.py", "import os\nx = os.environ['KEY']"),
    (no_hidden_environment, "snapshots/a.py", "import os\nx = os.getenv('KEY')"),
    (no_hidden_environment, "insights/a.py", "from os import environ"),
    (no_vague_name, "insights/utils.py", ""),
    (no_vague_name, "snapshots/core/rows.py", ""),
    (no_vague_name, "workbench/grid_helpers.py", ""),
    (says_what_it_owns, "insights/a.py", "x = 1"),
    (does_not_print, "ops/a.py", "print('hello')"),
    (missing_money_is_not_zero, "insights/a.py", "x = amounts.get(currency, 0)"),
    (missing_money_is_not_zero, "insights/a.py", "x = record.get('amount_minor', 0.0)"),
    (an_outage_is_not_an_empty_result, "adapters/a.py", "try:\n    f()\nexcept Exception:\n    return []"),
    (an_outage_is_not_an_empty_result, "adapters/a.py", "try:\n    f()\nexcept:\n    pass"),
    (speaks_of_the_product_only, "insights/a.py", "# see ../shared/design"),
    (speaks_of_the_product_only, "insights/a.py", "x = 1  # TODO: later"),
]


@pytest.mark.parametrize(("rule", "path", "text"), VIOLATIONS)
def test_the_rule_finds_a_violation(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Module(path, text)))


ALLOWED = [
    (no_hidden_clock, "ops/a.py", "from datetime import datetime\nx = datetime.now()"),
    (no_hidden_clock, "snapshots/a.py", "def f(self):\n    return self.now() - services.now()"),
    (no_hidden_environment, "ops/a.py", "import os\nx = os.environ['KEY']"),
    (no_vague_name, "workbench/scores.py", ""),
    (says_what_it_owns, "snapshots/migrations/__init__.py", ""),
    (does_not_print, "ops/a.py", "fingerprint('x')"),
    (missing_money_is_not_zero, "insights/a.py", "x = attempts.get(job, 0)"),
    (an_outage_is_not_an_empty_result, "adapters/a.py", "try:\n    f()\nexcept KeyError:\n    return None"),
]


@pytest.mark.parametrize(("rule", "path", "text"), ALLOWED)
def test_the_rule_lets_pass_what_is_right(rule: Rule, path: str, text: str) -> None:
    assert not list(rule(Module(path, text)))


# --- what other packages call has a docstring ------------------------------------------------------------------------


def undocumented(modules: tuple[Module, ...]) -> list[str]:
    """Functions that another package imports, or calls through their module, without a docstring."""
    defined = {(module.name, one.name): one for module in modules for one in module.tree.body if _is_function(one)}
    known = {module.name for module in modules}
    users = [module for module in modules if module.package != "benchmarks"]
    asked = {place for module in users for place in _used(module, known) if place[0].split(".")[0] != module.package}
    found = {_origin(place, modules) for place in asked}
    return sorted(f"{place[0]}.{place[1]}" for place in found if place in defined and not _doc(defined[place]))


def _is_function(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")


def _doc(node: ast.stmt) -> str | None:
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return ast.get_docstring(node)


def _used(module: Module, known: set[str]) -> Iterator[tuple[str, str]]:
    aliases: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                whole = f"{node.module}.{one.name}"
                if whole in known:
                    aliases[one.asname or one.name] = whole
                else:
                    yield node.module, one.name
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            yield aliases[node.value.id], node.attr


def _origin(place: tuple[str, str], modules: tuple[Module, ...]) -> tuple[str, str]:
    """Where a name that a package hands on was defined."""
    module = next((one for one in modules if one.name == place[0]), None)
    for node in module.tree.body if module else []:
        if isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                if (one.asname or one.name) == place[1]:
                    return _origin((node.module, one.name), modules)
    return place


def test_what_other_packages_call_has_a_docstring() -> None:
    assert undocumented(product_code()) == []


@pytest.mark.parametrize(
    "user",
    [
        "from snapshots.made import load",
        "from snapshots import load",
        "from snapshots import made\nmade.load()",
    ],
)
def test_an_undocumented_function_is_found(user: str) -> None:
    made = Module("snapshots/made.py", "def load(): ...\ndef spoken():\n    'Says so.'\ndef alone(): ...")
    package = Module("snapshots/__init__.py", "from snapshots.made import load")
    assert undocumented((made, package, Module("ops/a.py", user))) == ["snapshots.made.load"]
    assert undocumented((made, package, Module("snapshots/b.py", user))) == []


# --- the tree --------------------------------------------------------------------------------------------------------


def strangers(root: Path) -> set[str]:
    """Folders at the root that the architecture does not know."""
    return {
        path.name
        for path in root.iterdir()
        if path.is_dir() and path.name not in FOLDERS and not LEFT_BEHIND.match(path.name)
    }


def test_there_are_the_packages_of_the_architecture_and_no_others(tmp_path: Path) -> None:
    assert strangers(ROOT) == set()
    for name in ("adapters", "crm_tools", ".venv", "slms.egg-info"):
        (tmp_path / name).mkdir()
    assert strangers(tmp_path) == {"crm_tools"}


def test_no_file_speaks_of_anything_but_the_product() -> None:
    files = [path for path in ROOT.iterdir() if path.is_file()]
    files += [path for name in FOLDERS | {".ci", ".streamlit"} for path in (ROOT / name).rglob("*") if path.is_file()]
    texts = {path.relative_to(ROOT).as_posix(): path for path in files if path.suffix in TEXTS}
    assert {"README.md", "Makefile", ".ci/run", "tests/conftest.py"} <= texts.keys()
    found = [
        f"{name}: {what}" for name, path in texts.items() if name not in MADE_UP for what in outside(path.read_text())
    ]
    assert found == []


def test_every_package_is_part_of_the_installation() -> None:
    listed = re.search(r"packages = \[(.*?)\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL)
    assert listed
    installed = set(re.findall(r'"([\w.]+)"', listed.group(1)))
    there = {
        path.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }
    assert there == installed


# --- imports ---------------------------------------------------------------------------------------------------------

BREACHES = {
    "Imports point left": ("snapshots/breach.py", "import ops.settings"),
    "The adapters are independent of one another": ("adapters/demo/breach.py", "import adapters.csv_export"),
    "Insights know neither database nor network nor screen": ("insights/breach.py", "import sqlalchemy"),
    "Only the workbench draws": ("ops/breach.py", "import streamlit"),
    "Only the snapshots speak SQL": ("workbench/breach.py", "import psycopg"),
}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); from importlinter.cli import lint_imports; "
        "sys.exit(lint_imports(no_cache=True))"
    )
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def verdicts(printed: str) -> dict[str, str]:
    return dict(re.findall(r"^(.+?) (KEPT|BROKEN)\b", printed, re.MULTILINE))


def test_imports_keep_every_contract() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert verdicts(done.stdout) == dict.fromkeys(BREACHES, "KEPT")


def test_every_contract_finds_a_breach(tmp_path: Path) -> None:
    for package in (*PACKAGES, "benchmarks"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path, text in BREACHES.values():
        (tmp_path / path).write_text(text)
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert verdicts(done.stdout) == dict.fromkeys(BREACHES, "BROKEN")


# --- what is written about it ----------------------------------------------------------------------------------------


def unknown_names(text: str) -> list[str]:
    """Names in code marks that begin with a package of ours and lead nowhere."""
    dotted = re.findall(rf"`((?:{'|'.join(PACKAGES)})(?:\.\w+)+)`", text)
    return [name for name in dotted if not _resolves(name)]


def _resolves(name: str) -> bool:
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        try:
            for attribute in parts[cut:]:
                found = getattr(found, attribute)
        except AttributeError:
            return False
        return True
    return False


def test_names_in_the_architecture_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    assert "## Glossary" in text
    assert unknown_names(text) == []
    assert unknown_names("`snapshots.tables.DEALS` `snapshots.nowhere` `insights.metrics.nothing`") == [
        "snapshots.nowhere",
        "insights.metrics.nothing",
    ]


def test_no_two_modules_of_the_tests_have_one_name() -> None:
    """They are imported by their bare names, so the second of two would be the first."""
    names = [path.stem for path in (ROOT / "tests").rglob("*.py") if path.stem not in {"conftest", "__init__"}]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_the_architecture_fits_on_two_pages() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= 150
