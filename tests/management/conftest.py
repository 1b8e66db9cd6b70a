"""Commands as they are run: arguments go in, words and an exit code come out."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from typing import Protocol

import pytest
from django.core.management import CommandError, call_command


@dataclass(frozen=True, kw_only=True)
class Done:
    """A command that has ended. ``progress`` is what it wrote beside its answer: a bar, which is
    drawn over and over on a terminal, and nowhere else, and what failed on the way."""

    code: int
    out: str
    error: str
    progress: str


class Run(Protocol):
    def __call__(self, command: str, *arguments: str, terminal: bool = False) -> Done: ...


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def run_command(command: str, *arguments: str, terminal: bool = False) -> Done:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
        out = io.StringIO()
        monkeypatch.setattr(out, "isatty", lambda: terminal)
        code, error = 0, ""
        try:
            call_command(command, *arguments, stdout=out)
        except CommandError as exc:
            code, error = exc.returncode, str(exc)
        progress = capsys.readouterr().err
        return Done(code=code, out=out.getvalue(), error=error, progress=progress)

    return run_command
