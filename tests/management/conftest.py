"""Commands as they are run: arguments go in, words and an exit code come out."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Protocol

import pytest
from django.core.management import CommandError, call_command


@dataclass(frozen=True, kw_only=True)
class Done:
    """A command that has ended. ``progress`` is its bar, which is drawn over and over."""

    code: int
    out: str
    error: str
    progress: str


class Run(Protocol):
    def __call__(self, command: str, *arguments: str) -> Done: ...


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run_command(command: str, *arguments: str) -> Done:
        out = io.StringIO()
        code, error = 0, ""
        try:
            call_command(command, *arguments, stdout=out)
        except CommandError as exc:
            code, error = exc.returncode, str(exc)
        progress = capsys.readouterr().err
        return Done(code=code, out=out.getvalue(), error=error, progress=progress)

    return run_command
