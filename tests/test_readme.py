"""The README says what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from integrations_posthog.api.exceptions import STATUSES
from integrations_posthog.client.transport import MAX_BYTES
from integrations_posthog.conf import AppSettings
from integrations_posthog.services.check import CHECK_SECONDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return README.partition(f"## {title}\n")[2].partition("\n## ")[0]


def first_cells(text: str) -> set[str]:
    return set(re.findall(r"^\| `([^`]+)`", text, re.MULTILINE))


def test_its_error_table_is_that_of_the_api() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (\d+)", README, re.MULTILINE)
    assert {error_type: int(status) for error_type, status in rows} == STATUSES


def test_its_settings_are_those_of_the_app() -> None:
    names = {name for name in vars(AppSettings) if name.isupper()}
    assert first_cells(section("Adding the app to another project")) == names


def test_its_environment_is_that_of_the_settings_and_of_the_example() -> None:
    settings = (ROOT / "beton" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'(?:env\.\w+|_list)\(\s*"([A-Z_]+)"', settings))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert first_cells(section("Running it in production")) == read
    assert set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)) == read - {"DJANGO_ENV_FILE"}


def test_its_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for line in re.findall(r"^make ([a-z ]+)", README, re.MULTILINE):
        assert set(line.split()) <= targets


def test_its_commands_exist() -> None:
    named = set(re.findall(r"manage\.py ([a-z_]+)", README)) | {"posthog_status", "posthog_check"}
    assert named <= set(get_commands())


@pytest.mark.parametrize("name", re.findall(r"^    ([a-z_./ ]+?)  ", README, re.MULTILINE))
def test_its_map_names_what_is_there(name: str) -> None:
    for part in name.split():
        assert (ROOT / "integrations_posthog" / part).exists()


def test_its_json_is_json() -> None:
    for block in re.findall(r"```json\n(.*?)```", README, re.DOTALL):
        json.loads(block)


def test_its_four_troubles_are_there() -> None:
    for title in (
        "Invalid API key format",
        "Unauthorized API key",
        "Connection error",
        "Rate limit exceeded",
    ):
        assert f'### "{title}"' in README


def test_its_figures_are_those_of_the_code() -> None:
    assert f"{CHECK_SECONDS} seconds and {MAX_BYTES // 1_000_000} MB" in README


def test_its_files_exist() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
