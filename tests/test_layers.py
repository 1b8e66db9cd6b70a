"""The one direction of imports: nothing imports upwards or sideways."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
APP = ROOT / "integrations_posthog"
FILES = sorted(path for path in APP.rglob("*.py") if "migrations" not in path.parts)

LAYERS: list[set[str]] = [
    {"conf", "errors", "signals"},
    {"encryption"},
    {"fields"},
    {"client", "models", "pql"},
    {"services"},
    {"access", "launch", "limits", "redaction", "wiring"},
    {"api", "web", "admin", "management", "tasks", "templatetags"},
]
"""From the bottom up. A module imports from its own package and from the layers below it."""

START_UP = {"apps", "checks"}
"""Run at start-up only; the law of layers does not concern them."""

ALONE = "sandbox"
"""Imports nothing of the app; only these may import it."""
IMPORT_THE_SANDBOX = {"management/commands/posthog_sandbox.py"}


def part_of(path: Path) -> str:
    return path.relative_to(APP).parts[0].removesuffix(".py")


def imported_parts(path: Path) -> Iterator[tuple[str, ast.stmt]]:
    """The parts of the app that a file imports from, with the statement."""
    package = ["integrations_posthog", *path.relative_to(APP).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = [*base, *(node.module.split(".") if node.module else [])]
            names = [module] if len(module) > 1 else [[*module, a.name] for a in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        else:
            continue
        for name in names:
            if name[0] == "integrations_posthog" and len(name) > 1:
                yield name[1], node


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(APP)))
def test_no_file_imports_upwards_or_sideways(path: Path) -> None:
    part = part_of(path)
    if part in START_UP or part == "__init__":
        return
    if part == ALONE:
        allowed = {ALONE}
    else:
        height = next(i for i, layer in enumerate(LAYERS) if part in layer)
        allowed = {part}.union(*LAYERS[:height])
    if str(path.relative_to(APP)) in IMPORT_THE_SANDBOX:
        allowed |= {ALONE}
    assert {imported for imported, _ in imported_parts(path)} <= allowed


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(APP)))
def test_no_first_party_import_hides_in_a_function(path: Path) -> None:
    if part_of(path) == "apps":
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom)
        and (node.level or (node.module or "").startswith(("integrations_posthog", "beton")))
    }
    assert not inside


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if part_of(path) in {"client", "pql"}],
    ids=lambda path: str(path.relative_to(APP)),
)
def test_the_client_knows_no_django(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "django" not in text
    assert "app_settings" not in text


def test_the_app_knows_nothing_of_the_host() -> None:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith(("beton", "tests"))
            elif isinstance(node, ast.Import):
                assert not any(a.name.startswith(("beton", "tests")) for a in node.names)


def test_every_part_has_its_layer() -> None:
    known = set().union(*LAYERS, START_UP, {ALONE, "__init__"})
    assert {part_of(path) for path in FILES} <= known
