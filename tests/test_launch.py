"""Handing a run over: by whom is the operator's choice."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from integrations_posthog.conf import app_settings
from integrations_posthog.launch import launch
from tests import usage


def test_the_setting_names_what_is_called_with_the_run_s_id(settings: Settings) -> None:
    settings.INTEGRATIONS_POSTHOG_SYNC_LAUNCHER = usage.LAUNCHER
    usage.launched.clear()
    launch(4711)
    assert usage.launched == [4711]


def test_a_name_that_leads_nowhere_is_an_error(settings: Settings) -> None:
    settings.INTEGRATIONS_POSTHOG_SYNC_LAUNCHER = "tests.usage.nobody"
    with pytest.raises(ImportError, match="nobody"):
        launch(4711)


def test_by_default_a_process_of_its_own_performs_the_run() -> None:
    assert app_settings.SYNC_LAUNCHER == "integrations_posthog.launch.start_process"
