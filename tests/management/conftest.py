"""Commands as they are run: arguments in, words and an exit code out."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.core.management import CommandError, call_command

from beton.models import Workspace
from integrations_posthog.models import PosthogWorkspaceConfig
from integrations_posthog.sandbox import KEYS
from integrations_posthog.sandbox.keys import Key
from tests.services.conftest import NOW

from integrations_posthog.services.validator import PostHogValidatorService
from integrations_posthog.services.store import Actor
