"""The pages and endpoints of the host project itself."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db import connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from integrations_posthog.errors import RateLimited, ServiceUnavailable

from .limits import count_login_address, count_login_name
from .workspaces import SESSION_KEY, named_membership

logger = logging.getLogger(__name__)

HEALTH_TIMEOUT = 3.0
"""Seconds in which the database and the cache have to answer, both."""


class LoginView(auth_views.LoginView):
    """Django's log-in page, with a limit on attempts."""

    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        name = request.POST.get("username", "")
        try:
            count_login_address(request.META["REMOTE_ADDR"])
            count_login_name(name)
        except RateLimited as exc:
            answer = render(request, "429.html", {"refusal": exc}, status=429)
            answer.headers["Retry-After"] = str(exc.retry_after)
            return answer
        except ServiceUnavailable as exc:
            return render(request, "503.html", {"refusal": exc}, status=503)
        return super().post(request, *args, **kwargs)


def admin_login(request: HttpRequest) -> HttpResponse:
    """The admin's own log-in page would be a way around the limit, so there is only ours."""
    if request.user.is_authenticated:
        raise PermissionDenied("The admin is for staff")
    return redirect_to_login(request.GET.get("next", "/admin/"))


@require_POST
@login_required
def switch_workspace(request: HttpRequest) -> HttpResponse:
    """Remember in the session which of the caller's workspaces the next requests are for."""
    membership = named_membership(request=request, name=request.POST.get("workspace", ""))
    request.session[SESSION_KEY] = membership.workspace_id
    return redirect("home")


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Whether the database and the cache answer: 200 if both do, else 503."""
    deadline = time.monotonic() + HEALTH_TIMEOUT
    answers = {"database": _start(_ask_database), "cache": _start(_ask_cache)}
    states = {part: _state_of(part, answer, deadline) for part, answer in answers.items()}
    healthy = all(state == "ok" for state in states.values())
    return JsonResponse(states, status=200 if healthy else 503)


def _start(ask: Callable[[], None]) -> SimpleQueue[Exception | None]:
    """Ask in a thread that can be abandoned: a database may accept and then never answer."""
    answer: SimpleQueue[Exception | None] = SimpleQueue()

    def run() -> None:
        try:
            ask()
        except Exception as exc:  # noqa: BLE001  (handed to the caller, who logs it)
            answer.put(exc)
        else:
            answer.put(None)

    Thread(target=run, daemon=True).start()
    return answer


def _state_of(part: str, answer: SimpleQueue[Exception | None], deadline: float) -> str:
    try:
        error = answer.get(timeout=max(0, deadline - time.monotonic()))
    except Empty:
        error = TimeoutError(f"No answer in {HEALTH_TIMEOUT} seconds")
    if error is None:
        return "ok"
    logger.error("The %s is down", part, exc_info=error)
    return "down"


def _ask_database() -> None:
    connection = connections["default"]  # One of this thread's own.
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    finally:
        connection.close()


def _ask_cache() -> None:
    key = f"healthz.{uuid.uuid4()}"
    cache.set(key, "ok", timeout=10)
    if cache.get(key) != "ok":
        raise RuntimeError("The cache forgot what it was told")
