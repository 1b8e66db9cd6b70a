"""The app in another project: installed from its wheel, with other workspaces, without beton."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import psycopg
import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from psycopg import sql

CHECKOUT = Path(__file__).resolve().parent.parent
HOST = CHECKOUT / "tests" / "other_host"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def run(*command: object, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Python with these arguments, and with nothing of this process's environment but PATH."""
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"} | env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def pip(*arguments: object, cwd: Path) -> None:
    done = run("-m", "pip", "--disable-pip-version-check", *arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of this checkout, since building leaves files behind."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "MANIFEST.in"):
        if (CHECKOUT / name).exists():
            shutil.copy(CHECKOUT / name, source)
    for name in ("beton", "integrations_posthog", "tests"):
        shutil.copytree(
            CHECKOUT / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", ".", source, cwd=folder)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def target(wheel: Path) -> Path:
    """A folder in which nothing but the wheel is installed."""
    folder = wheel.parent / "target"
    pip("install", "--no-deps", "--no-index", "--target", folder, wheel, cwd=wheel.parent)
    return folder


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """An empty database, of the kind that these tests run on."""
    ours = settings.DATABASES["default"]
    if ours["ENGINE"].endswith("sqlite3"):
        file = tmp_path_factory.mktemp("database") / "shop.sqlite3"
        yield {"ENGINE": ours["ENGINE"], "NAME": str(file)}
        return
    name = f"other_host_{uuid.uuid4().hex}"
    where = {key: ours[key] for key in ("ENGINE", "HOST", "PORT", "USER", "PASSWORD")}
    with psycopg.connect(
        host=ours["HOST"],
        port=ours["PORT"] or None,
        user=ours["USER"],
        password=ours["PASSWORD"],
        dbname="postgres",
        autocommit=True,
    ) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield where | {"NAME": name}
        server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def python(target: Path, database: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Python in the other project, far from the checkout. Warnings are errors."""
    cwd = tmp_path_factory.mktemp("elsewhere")
    env = {
        "PYTHONPATH": os.pathsep.join([str(target), str(HOST)]),
        "SHOP_TARGET": str(target),
        "SHOP_DATABASE": json.dumps(database),
        "SHOP_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    }
    return lambda *arguments, **changes: run("-W", "error", *arguments, cwd=cwd, **env | changes)


@pytest.fixture(scope="module")
def manage(python: Run) -> Run:
    return lambda *arguments, **changes: python(HOST / "manage.py", *arguments, **changes)


def test_the_other_project_does_what_the_readme_says() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    recipe = readme.partition("## Adding the app to another project\n")[2].partition("\n## ")[0]
    urls = (HOST / "shop" / "urls.py").read_text(encoding="utf-8")
    chosen = (HOST / "shop" / "settings.py").read_text(encoding="utf-8")
    prefix = "INTEGRATIONS_POSTHOG_"

    for line in re.findall(r"^    (path\(.+)", recipe, re.MULTILINE):
        assert line in urls
    for app in re.findall(r'"(\w+)"', re.findall(r"^INSTALLED_APPS \+= (.+)", recipe, re.M)[0]):
        assert f'"{app}",' in chosen
    named = re.findall(rf"^({prefix}\w+) =", recipe, re.M)
    assert sorted(named) == sorted(re.findall(rf"^({prefix}\w+) =", chosen, re.M))


def test_the_wheel_holds_the_app_whole_and_nothing_else(wheel: Path) -> None:
    app = CHECKOUT / "integrations_posthog"
    files = {
        f"{app.name}/{file.relative_to(app).as_posix()}"
        for file in app.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    packed = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert packed == files
    assert {Path(name).suffix for name in packed} >= {".html", ".css", ".js", ".typed"}
    assert {"integrations_posthog/migrations/0001_initial.py"} < packed
    assert {"integrations_posthog/sandbox/server.py"} < packed


def test_the_stand_ins_libraries_are_an_extra(wheel: Path) -> None:
    with ZipFile(wheel) as packed:
        [name] = [name for name in packed.namelist() if name.endswith("/METADATA")]
        metadata = packed.read(name).decode()
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]

    assert [line for line in needed if "hogql" in line] == [
        'Requires-Dist: hogql-parser>=1.3; extra == "sandbox"'
    ]
    assert any(line.startswith("Requires-Dist: djangorestframework>=") for line in needed)


def test_the_checks_pass_and_no_migration_is_missing(manage: Run) -> None:
    for command in (["check"], ["makemigrations", "--check"]):
        done = manage(*command)
        assert done.returncode == 0, done.stderr


def test_the_database_is_migrated(manage: Run) -> None:
    assert manage("migrate", "--verbosity=0").returncode == 0
    done = manage("migrate", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["posthog_status", "--workspace=1"],
        ["posthog_check", "--all"],
        ["posthog_connect", "--workspace=1"],
        ["posthog_rotate_keys"],
        ["migrate"],
    ],
    ids=lambda command: str(command[0]),
)
def test_without_encryption_keys_a_command_stops_and_says_what_to_do(
    manage: Run, command: list[str]
) -> None:
    done = manage(*command, SHOP_ENCRYPTION_KEYS="")

    assert done.returncode == 1
    assert "(integrations_posthog.E001)" in done.stderr
    assert "Make one with: python -c" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_journeys_of_the_other_project_pass(python: Run) -> None:
    options = ("--quiet", "-c", HOST / "pytest.ini", f"--rootdir={HOST}")
    done = python("-m", "pytest", *options, HOST / "journeys")
    assert done.returncode == 0, done.stdout + done.stderr
