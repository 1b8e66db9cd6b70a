"""Other processes that share the tests' database and secrets."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import requests
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent


def environment(**changes: str) -> dict[str, str]:
    """The environment of a server or command on the database of this test.

    The test has to commit (``transaction=True``), or the other process sees nothing of it.
    """
    shared = {"DJANGO_SETTINGS_MODULE": "beton.settings", "DATABASE_URL": database_url()}
    return os.environ | shared | {"PYTHONUNBUFFERED": "1", "DJANGO_LOG_LEVEL": "INFO"} | changes


def database_url() -> str:
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def wait_until(condition: Callable[[], object], *, seconds: float = 30) -> None:
    """Wait for something that another process or thread does.

    Raises:
        TimeoutError: it did not happen in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"It did not happen within {seconds} seconds")
        time.sleep(0.01)


def log_in(origin: str, *, name: str, password: str) -> requests.Response:
    """What a person gets who opens the settings page of a server and logs in there."""
    with requests.Session() as browser:
        browser.trust_env = False
        page = browser.get(f"{origin}/settings/posthog/", timeout=30)
        [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        form = {"username": name, "password": password, "csrfmiddlewaretoken": token}
        return browser.post(page.url, form, timeout=30)
