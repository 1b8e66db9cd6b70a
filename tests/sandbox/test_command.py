"""``manage.py posthog_sandbox``: the guide it prints, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from integrations_posthog.sandbox import FAULTS, KEYS

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def command(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The running command and what it has printed."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "posthog_sandbox", *options],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "_sandbox/reset" in line:
                break
        yield process, "".join(lines)
    finally:
        process.kill()
        process.communicate()


def test_it_prints_what_one_needs_and_ends_on_ctrl_c() -> None:
    with command() as (process, guide):
        us, eu = re.findall(r"^ +(?:us|eu) +(http://127\.0\.0\.1:\d+)$", guide, re.MULTILINE)
        assert f"POSTHOG_CLOUD_REGIONS={us},{eu}\n" in guide
        assert f"POSTHOG_TRUSTED_ORIGINS={us},{eu}\n" in guide
        for key in KEYS:
            assert re.search(
                rf"{key.label} +{key.region} +{key.value} +{re.escape(key.about)}", guide
            )
        for fault, about in FAULTS.items():
            assert re.search(rf"{fault} +{re.escape(about)}", guide)
        headers = {"Authorization": f"Bearer {KEYS.full.value}"}
        for url, status in ((us, 200), (eu, 401)):
            response = requests.get(f"{url}/api/projects/", headers=headers, timeout=30)
            assert response.status_code == status
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=30)
        assert process.returncode == 0
        assert (rest.strip(), errors) == ("Stopped.", "")


def test_its_curl_examples_work() -> None:
    with command() as (_, guide):
        examples = re.findall(r"^ +(curl .*)$", guide, re.MULTILINE)
        assert len(examples) == 13
        for example in examples:
            done = subprocess.run(
                ["/bin/sh", "-c", f"{example} --silent --fail"], capture_output=True, check=False
            )
            assert done.returncode == 0, example


def test_a_second_one_takes_the_next_free_ports() -> None:
    with command() as (_, first), command() as (_, second):
        urls = re.findall(r"^ +(?:us|eu) +(http://\S+)$", first + second, re.MULTILINE)
        assert len(set(urls)) == 4


@pytest.mark.parametrize("age", ["1.30", "2023"])
def test_it_can_be_of_another_age(age: str) -> None:
    with command("--legacy", age) as (_, guide):
        (us,) = re.findall(r"^ +us +(http://\S+)$", guide, re.MULTILINE)
        url = f"{us}/api/personal_api_keys/@current/"
        assert requests.get(url, timeout=30).status_code == 404


def count_of(guide: str) -> int:
    """The events of project 12345, all of them."""
    (us,) = re.findall(r"^ +us +(http://\S+)$", guide, re.MULTILINE)
    response = requests.post(
        f"{us}/api/projects/12345/query/",
        headers={"Authorization": f"Bearer {KEYS.full.value}"},
        json={"query": {"kind": "HogQLQuery", "query": "select count() from events"}},
        timeout=30,
    )
    [[count]] = response.json()["results"]
    return int(count)


def test_it_holds_the_year_of_a_product() -> None:
    with command() as (_, guide):
        assert count_of(guide) > 250_000


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--world", "small"], 15420 + 7710),
        (["--world", "benchmark", "--events", "1234", "--days", "7"], 1234),
    ],
)
def test_or_another_history(options: list[str], count: int) -> None:
    with command(*options) as (_, guide):
        assert count_of(guide) == count
