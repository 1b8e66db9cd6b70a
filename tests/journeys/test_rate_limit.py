"""The limit of validations: over several server processes, and while its Redis is away."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django_ratelimit.core import get_usage

from beton.models import Membership, Workspace
from tests.conftest import PASSWORD
from tests.processes import log_in

from .caller import Caller
from .conftest import Call, Serve, Server
from .proxy import Proxy


@pytest.fixture
def owner(redis_url: str, django_user_model: type[User], transactional_db: None) -> User:
    """The owner of a workspace whose minute will not be over before the test is."""
    user = django_user_model.objects.create_user("olga", password=PASSWORD)
    workspace = Workspace.objects.create(name="Acme")
    while seconds_left(workspace) < 40:
        workspace = Workspace.objects.create(name="Acme")
    Membership.objects.create(user=user, workspace=workspace, role=Membership.Role.OWNER)
    return user


def seconds_left(workspace: Workspace) -> int:
    """The rest of the workspace's minute; each has a beginning of its own."""
    group = "integrations_posthog.validate"
    usage = get_usage(None, group=group, key=lambda *_: workspace.pk, rate="5/m")
    return int(usage["time_left"])


def one_caller_a_process(server: Server, user: User, call: Call) -> list[Caller]:
    """Connections to both processes."""
    callers: dict[str, Caller] = {}
    asked = 0
    while len(callers) < 2:
        caller = call(server, user)
        assert caller.status().status_code == 200
        asked += 1
        callers.setdefault(server.processes(requests=asked)[-1], caller)
    return list(callers.values())


def test_the_sixth_validation_is_refused_whichever_process_it_comes_to(
    serve: Serve, owner: User, call: Call, redis_url: str
) -> None:
    server = serve(CACHE_URL=redis_url, WEB_CONCURRENCY="2")
    one, other = one_caller_a_process(server, owner, call)
    answers = [caller.validate() for caller in (one, other) * 3]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].json()["error_type"] == "rate_limited"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


@pytest.mark.parametrize("end", [Proxy.die, Proxy.fall_silent])
def test_while_its_redis_is_away_only_what_is_counted_is_unavailable(
    serve: Serve, owner: User, call: Call, redis_url: str, end: Callable[[Proxy], None]
) -> None:
    with Proxy(redis_url) as proxy:
        server = serve(CACHE_URL=proxy.url, DJANGO_DEBUG="true")
        caller = call(server, owner)
        assert caller.validate().status_code == 200
        end(proxy)

        start = time.monotonic()
        refused = caller.validate()
        assert time.monotonic() - start < 5
        assert refused.status_code == 503
        assert refused.json()["error_type"] == "service_unavailable"
        assert caller.status().json()["is_validated"] is True

        page = log_in(server.url, name="olga", password=PASSWORD)
        assert page.status_code == 503
        assert "Logging in is not possible at the moment" in page.text
        assert "Try again in a minute." in page.text
