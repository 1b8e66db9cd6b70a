"""``manage.py test``: Django's command line in front of pytest."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
VERBOSITY = {0: ["-q"], 1: [], 2: ["-v"], 3: ["-vv"]}


class PytestRunner:
    """A Django test runner that leaves the tests to pytest."""

    def __init__(
        self,
        *,
        verbosity: int = 1,
        failfast: bool = False,
        keepdb: bool = False,
        keyword: str = "",
        markers: str = "",
        **_options: Any,
    ) -> None:
        self.options = [
            f"--rootdir={ROOT}",
            f"--config-file={ROOT / 'setup.cfg'}",
            *VERBOSITY[verbosity],
            *(["--exitfirst"] if failfast else []),
            *(["--reuse-db"] if keepdb else []),
            *(["-k", keyword] if keyword else []),
            *(["-m", markers] if markers else []),
        ]

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("-k", dest="keyword", help="Only tests whose names match, as pytest's.")
        parser.add_argument("-m", dest="markers", help="Only tests so marked, as pytest's.")
        parser.add_argument("--failfast", action="store_true", help="Stop at the first failure.")
        parser.add_argument("--keepdb", action="store_true", help="Keep the test database.")

    def run_tests(self, test_labels: Sequence[str]) -> int:
        """Run the tests that the labels name, or all.

        Args:
            test_labels: paths or pytest's node ids, or modules with dots as Django has them.

        Raises:
            SystemExit: with pytest's own exit code, if it is not 0.
        """
        labels = [_as_path(label) for label in test_labels] or [str(ROOT / "tests")]
        code = pytest.main([*self.options, *labels])
        if code:
            sys.exit(code)
        return 0


def _as_path(label: str) -> str:
    path = label.replace(".", os.sep)
    return next((p for p in (f"{path}.py", path) if Path(p).exists()), label)
