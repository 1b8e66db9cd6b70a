"""``manage.py test`` on a small suite of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs ``manage.py test`` on two tests that pass and one that fails, without any .env."""
    (tmp_path / "test_small.py").write_text(
        "import pytest\n"
        "def test_apple(): pass\n"
        "@pytest.mark.browser\n"
        "def test_pear(): pass\n"
        "def test_broken(): assert False\n"
        "def test_after(): pass\n"
    )

    def run_tests(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), "test", str(tmp_path), *options],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run_tests


def test_it_needs_nothing_from_the_environment_and_fails_when_a_test_does(run: Run) -> None:
    outcome = run()

    assert "1 failed, 3 passed" in outcome.stdout
    assert outcome.returncode == 1


def test_it_selects_by_keyword_and_names_the_tests_when_told(run: Run) -> None:
    outcome = run("-k", "apple", "-v", "2")

    assert "test_apple PASSED" in outcome.stdout
    assert "1 passed, 3 deselected" in outcome.stdout
    assert outcome.returncode == 0


def test_it_selects_by_marker(run: Run) -> None:
    assert "1 passed, 3 deselected" in run("-m", "browser").stdout


def test_it_stops_at_the_first_failure_when_told(run: Run) -> None:
    assert "1 failed, 2 passed" in run("--failfast").stdout


def test_it_says_so_when_nothing_was_selected(run: Run) -> None:
    assert run("-k", "no_such_test").returncode == pytest.ExitCode.NO_TESTS_COLLECTED


def test_it_takes_dotted_labels_too() -> None:
    outcome = subprocess.run(
        [sys.executable, "manage.py", "test", "tests.beton.test_env_file"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert outcome.returncode == 0, outcome.stdout
