"""The rules of docs/design.md about who may import whom, read from the source itself."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ("metrics_api", "collectors", "simulator", "dashboards")
FOLDERS = (*PRODUCT, "bench", "tests")
MAX_LINES = 300

FILES = sorted(
    path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")
)
DRIVER = ("motor", "pymongo", "gridfs", "bson")
# What reads or waits, and our modules that do.
INPUT_AND_OUTPUT = (
    *("aiohttp", "asyncio", "http", "requests", "socket", "ssl", "subprocess", "urllib.request", *DRIVER),
    *(f"metrics_api.core.{name}" for name in ("facts", "leases", "raw", "store")),
)


def module_of(file: str) -> str:
    """The dotted name of a file's module: that of its package for `__init__.py`."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def tree_of(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def imported(tree: ast.Module, file: str) -> set[str]:
    """The full names a file imports, wherever in it: `from a import b` and `import_module("a.b")` are a.b."""
    package = file.rpartition("/")[0].split("/")
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            start = [*above, *([node.module] if node.module else [])]
            found.update(".".join((*start, alias.name)) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in (
            "__import__",
            "import_module",
        ):
            found.update(
                one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)
            )
    return found


def within(name: str, modules: Collection[str]) -> bool:
    """True for the modules and all below them."""
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def files(*folders: str) -> list[str]:
    return [file for file in FILES if any(file.startswith(f"{folder}/") for folder in folders)]


def breaches(of: Collection[str], forbidden: Collection[str], allowed: Collection[str] = ()) -> list[str]:
    """`file: name` for every forbidden import that is not allowed."""
    return [
        f"{file}: {name}"
        for file in of
        for name in sorted(imported(tree_of(file), file))
        if within(name, forbidden) and not within(name, allowed)
    ]


def test_imports_are_found_in_every_spelling() -> None:
    source = """
import a.b, c as d
from e.f import g
def late():
    from . import h
    from ..k import m as n
    importlib.import_module("o.p")
    __import__("q")
"""
    assert imported(ast.parse(source), "x/y/z.py") == {
        "a.b", "c", "e.f.g", "x.y.h", "x.k.m", "o.p", "q",
    }  # fmt: skip
    assert imported(ast.parse("from . import h"), "x/y/__init__.py") == {"x.y.h"}
    assert within("a.b", ["a"])
    assert not within("ab", ["a"])
    assert module_of("x/y/__init__.py") == "x.y"


def test_every_package_is_looked_at() -> None:
    for folder in FOLDERS:
        assert files(folder), folder


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [
        ("metrics_api/core", ("metrics_api.core",)),
        ("collectors", ("collectors", "metrics_api.core")),
        ("simulator", ("simulator",)),
        (
            "dashboards",
            ("dashboards", "metrics_api.catalog", "metrics_api.target", "metrics_api.core.errors"),
        ),
    ],
)
def test_a_package_imports_of_ours_only_what_it_may(folder: str, allowed: tuple[str, ...]) -> None:
    assert breaches(files(folder), PRODUCT, allowed) == []


def test_only_the_command_line_of_the_api_knows_the_other_packages() -> None:
    others = [file for file in files("metrics_api") if file != "metrics_api/__main__.py"]
    assert breaches(others, ("collectors", "dashboards", "simulator", "tests", "bench")) == []


@pytest.mark.parametrize("package", ["metrics_api/metrics", "collectors/derive"])
def test_metrics_and_derivations_never_import_a_sibling(package: str) -> None:
    units = [file for file in files(package) if not file.endswith("/__init__.py")]
    assert len(units) >= 3
    for file in units:
        assert breaches([file], [package.replace("/", ".")], [module_of(file)]) == []


@pytest.mark.parametrize("package", ["metrics_api/metrics", "collectors/derive", "collectors/items"])
def test_metrics_and_derivations_neither_read_nor_wait(package: str) -> None:
    assert breaches(files(package), INPUT_AND_OUTPUT) == []
    for file in files(package):
        for node in ast.walk(tree_of(file)):
            assert not isinstance(node, ast.AsyncFunctionDef), f"{file}:{node.lineno}"
            assert not (isinstance(node, ast.Call) and ast.unparse(node.func) == "open"), file


@pytest.mark.parametrize(
    ("modules", "homes"),
    [
        (DRIVER, ["metrics_api/core/store.py"]),
        (("apscheduler",), ["collectors/scheduler.py"]),
    ],
)
def test_a_library_that_may_be_replaced_has_one_home(modules: tuple[str, ...], homes: list[str]) -> None:
    found = {line.partition(":")[0] for line in breaches(FILES, modules)}
    assert sorted(found) == homes


def test_zones_are_known_in_one_place() -> None:
    elsewhere = [file for file in FILES if file not in ("metrics_api/core/days.py", "simulator/clock.py")]
    outside_tests = [file for file in elsewhere if not file.startswith("tests/")]
    assert breaches(outside_tests, ("zoneinfo", "dateutil", "pytz", "tzdata")) == []


def environment(file: str) -> Iterator[int]:
    """The lines that touch the process's environment."""
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Attribute) and node.attr in names and ast.unparse(node.value) == "os":
            yield node.lineno
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (node.lineno for alias in node.names if alias.name in names)


def test_the_environment_is_read_by_the_settings_alone() -> None:
    found = {file for file in files(*PRODUCT, "bench") if any(environment(file))}
    assert found == {"metrics_api/core/settings.py"}


def catch_alls(file: str) -> Iterator[int]:
    """The lines that swallow whatever there is: `except:`, `except Exception`, `suppress(Exception)`.

    A handler that ends in `raise` only clears up and passes on what it caught.
    """
    for node in ast.walk(tree_of(file)):
        caught: list[ast.expr] = []
        if isinstance(node, ast.ExceptHandler):
            last = node.body[-1]
            if isinstance(last, ast.Raise) and last.exc is None:
                continue
            if node.type is None:
                yield node.lineno
            elif isinstance(node.type, ast.Tuple):
                caught = node.type.elts
            else:
                caught = [node.type]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("suppress", "contextlib.suppress"):
            caught = node.args
        if any(ast.unparse(one) in ("Exception", "BaseException") for one in caught):
            yield node.lineno


def test_everything_is_caught_in_two_places_only() -> None:
    found = [file for file in files(*PRODUCT, "bench") for _ in catch_alls(file)]
    assert found == ["collectors/runner.py", "metrics_api/app.py"]


def test_no_file_is_too_long_to_read() -> None:
    lengths = {file: len((ROOT / file).read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert {file: lines for file, lines in lengths.items() if lines > MAX_LINES} == {}
