"""Everything that can go wrong, as our callers see it.

An error's docstring is its message; facts are attributes. Callers act on ``error_type``
(a closed list); the HTTP status of each type is in ``api/exceptions.py``.

    PostHogIntegrationError          internal_error
    ├── InvalidFormat                invalid_format
    ├── InvalidInput                 invalid_format
    │   ├── InvalidMapping           invalid_format
    │   ├── InvalidRule              invalid_format
    │   └── TooManyWebhooks          invalid_format
    ├── InvalidHost                  invalid_host
    │   └── InvalidReceiver          invalid_host
    ├── Unauthorized                 unauthorized
    ├── NotFound                     not_found
    │   ├── NotConfigured            not_found
    │   └── NotConnected             not_found
    ├── PermissionDenied             permission_denied
    ├── RateLimited                  rate_limited
    │   ├── TooManyRequests          rate_limited
    │   └── PostHogRateLimited       rate_limited
    ├── ConnectionFailed             connection_error
    │   ├── TimedOut                 connection_error
    │   └── TLSFailed                connection_error
    ├── ApiError                     api_error
    │   └── TooMuchToAnswer          api_error
    ├── ProjectChanged               project_changed
    ├── SyncRunning                  sync_running
    ├── ServiceUnavailable           service_unavailable
    └── KeyUnreadable                internal_error
"""

from __future__ import annotations

from typing import ClassVar


class PostHogIntegrationError(Exception):
    """Unexpected server error"""

    error_type: ClassVar[str] = "internal_error"
    default_hint: ClassVar[str | None] = None
    retryable: bool = False
    """Whether the same may succeed later, with nothing changed."""

    def __init__(
        self,
        *,
        hint: str | None = None,
        retry_after: int | None = None,
        missing_scopes: tuple[str, ...] = (),
        status: int | None = None,
    ) -> None:
        """What callers may need besides the message.

        Args:
            hint: one sentence that says what to do.
            retry_after: seconds to wait before the next try, where that is known.
            missing_scopes: PostHog scopes that the key lacks, such as ``query:read``.
            status: the HTTP status that PostHog answered with, where it answered.
        """
        super().__init__(self.message)
        self.hint = hint if hint is not None else self.default_hint
        self.retry_after = retry_after
        self.missing_scopes = missing_scopes
        self.status = status
        self.report: list[dict[str, str]] = []
        """How far the check of a key came, where one was run."""

    @property
    def message(self) -> str:
        """The sentence for people: the first line of the class's docstring."""
        return (self.__doc__ or "").strip().splitlines()[0]


class InvalidFormat(PostHogIntegrationError):
    """Invalid API key format. PostHog personal API keys start with 'phc_'"""

    error_type = "invalid_format"
    default_hint = (
        "Paste the whole personal API key, as PostHog showed it when it was made; most begin with "
        "phx_. What a web page sends events with is the project's public key, and no such key."
    )


class InvalidInput(PostHogIntegrationError):
    """The request has a value that cannot be used"""

    error_type = "invalid_format"


class InvalidMapping(InvalidInput):
    """Events cannot be mapped to accounts like this"""


class InvalidRule(InvalidInput):
    """The rule of the signal definition is not valid"""


class TooManyWebhooks(InvalidInput):
    """This workspace has as many webhooks as it may have"""

    default_hint = "Delete one that is not needed any more, then add the new one."


class InvalidHost(PostHogIntegrationError):
    """Invalid PostHog host"""

    error_type = "invalid_host"
    default_hint = "Give the https:// address under which you open PostHog in your browser."


class InvalidReceiver(InvalidHost):
    """Invalid webhook address"""

    default_hint = "Give the https:// address of a receiver on the public internet."


class Unauthorized(PostHogIntegrationError):
    """Invalid or unauthorized API key"""

    error_type = "unauthorized"
    default_hint = (
        "Check in PostHog, under Settings → Personal API keys, that the key exists and is not "
        "revoked, and that it belongs to the region or instance that you chose."
    )


class NotFound(PostHogIntegrationError):
    """Project/workspace not found"""

    error_type = "not_found"
    default_hint = "Check the project's id, and that the key has access to that project."


class NotConfigured(NotFound):
    """PostHog is not connected in this workspace"""

    default_hint = "Connect PostHog first."


class NotConnected(NotFound):
    """PostHog is not connected in this workspace, or it refuses the stored key"""

    default_hint = "Connect PostHog anew, or re-check the connection, then sync."


class PermissionDenied(PostHogIntegrationError):
    """You do not have permission to do this in this workspace"""

    error_type = "permission_denied"
    default_hint = "Ask someone who manages the workspace."


class RateLimited(PostHogIntegrationError):
    """Rate limit exceeded. Maximum 5 validation requests per minute."""

    error_type = "rate_limited"
    retryable = True
    default_hint = "Wait until the minute is over, then try again."


class TooManyRequests(RateLimited):
    """Rate limit exceeded"""

    default_hint = "Wait a little, then try again."


class PostHogRateLimited(RateLimited):
    """PostHog's rate limit exceeded"""

    default_hint = "PostHog asks us to wait. Try again later; nothing has changed meanwhile."


class ConnectionFailed(PostHogIntegrationError):
    """Network/connection failure: PostHog could not be reached"""

    error_type = "connection_error"
    retryable = True
    default_hint = "Check the host's address, and that it can be reached from the internet."


class TimedOut(ConnectionFailed):
    """Network/connection failure: PostHog did not answer in time"""

    default_hint = "Try again in a minute; if it stays so, check that PostHog itself is well."


class TLSFailed(ConnectionFailed):
    """Network/connection failure: no secure connection to PostHog could be made"""

    default_hint = "Check that the host's certificate is valid, and signed by a known authority."


class ApiError(PostHogIntegrationError):
    """PostHog API returned an error"""

    error_type = "api_error"
    default_hint = "Check that a PostHog answers at this host, and try again in a minute."

    @property
    def retryable(self) -> bool:  # type: ignore[override]
        """Not where PostHog did not understand, or wants to be paid."""
        return self.status not in (400, 402)


class TooMuchToAnswer(ApiError):
    """PostHog API returned an error"""

    default_hint = "PostHog's reply was too large."


class ProjectChanged(PostHogIntegrationError):
    """Usage of another PostHog project is stored in this workspace"""

    error_type = "project_changed"
    default_hint = "Send the same with replace: true to remove that usage and go on."


class SyncRunning(PostHogIntegrationError):
    """A sync is running already"""

    error_type = "sync_running"
    default_hint = "Wait until it is done; its progress is told by GET sync."


class ServiceUnavailable(PostHogIntegrationError):
    """The service is not available at the moment"""

    error_type = "service_unavailable"
    retryable = True
    default_hint = "This is on our side. Try again in a minute."


class KeyUnreadable(PostHogIntegrationError):
    """The stored API key cannot be decrypted"""

    default_hint = (
        "Connect again with a fresh key, or give the server back the encryption key "
        "that this one was stored with."
    )
