"""The network: guarded, bounded in time and size, and nothing else.

Every request runs in a daemon thread that is abandoned at the deadline: a read time-out never
fires on a reply that trickles, and name resolution has no time-out at all. (An executor would
be joined at exit.)
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from requests_hardened.ip_filter import InvalidIPAddress

from ..errors import (
    ApiError,
    ConnectionFailed,
    InvalidHost,
    PostHogIntegrationError,
    TimedOut,
    TLSFailed,
    TooMuchToAnswer,
)
from .adapters import (
    CONNECT_TIMEOUT,
    READ_TIMEOUT,
    GuardedAdapter,
    Sockets,
    TrustedAdapter,
    new_session,
)
from .hosts import Network

MAX_BYTES = 5_000_000
_CHUNK_BYTES = 65_536
_BACK_OFFS = (0.2, 0.8)
_RETRIED_STATUSES = frozenset({502, 503, 504})


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back, decoded from any compression, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"<Reply {self.status}, {len(self.body)} bytes>"


class Transport:
    """Sends requests until one common deadline.

    Args:
        api_key: sent as a bearer token (posthog.com/docs/api: personal API key authentication);
            None where who is asked is no PostHog.
        network: what the operator allows.
        seconds: how long all requests may take together, from now on.
        spare_requests: how many requests may be made beyond those that have to be: tries anew,
            and what a caller can do without.
        read_timeout: seconds that the other side may be silent.
        max_bytes: of one reply, decoded.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        network: Network,
        seconds: float,
        spare_requests: int,
        read_timeout: float = READ_TIMEOUT,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._network = network
        self._deadline = time.monotonic() + seconds
        self._headers = {"Accept": "application/json"}
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._sockets = Sockets()
        self._trusted = TrustedAdapter(sockets=self._sockets)
        self._session = new_session()
        guarded = GuardedAdapter(sockets=self._sockets, is_https_proto=True)
        self._session.mount("https://", guarded)
        for origin in network.trusted_origins:
            self._session.mount(f"{origin}/", self._trusted)
        self._read_timeout = read_timeout
        self._max_bytes = max_bytes
        self.spare_requests = spare_requests

    def __repr__(self) -> str:
        return "<Transport>"

    def close(self) -> None:
        """Close all connections."""
        self._sockets.cut()
        self._session.close()

    def get(self, url: str, *, params: Mapping[str, str] | None = None) -> Reply:
        """GET; tried again after connection faults and 502, 503 and 504, while there are spare
        requests.

        Raises:
            InvalidHost: the host's address is not allowed.
            ConnectionFailed: DNS, connect, TLS or a dropped connection.
            TimedOut: a time-out or the deadline.
            ApiError: a reply that is too large or cannot be decoded.
        """
        for pause in _BACK_OFFS:
            if not self.spare_requests:
                break
            try:
                reply = self._send("GET", url, params=params)
                if reply.status not in _RETRIED_STATUSES:
                    return reply
            except (TimedOut, TLSFailed):
                raise
            except ConnectionFailed:
                pass  # Tried again; the last try raises.
            self.spare_requests -= 1
            time.sleep(max(0.0, min(pause, self._remaining())))
        return self._send("GET", url, params=params)

    def post(self, url: str, *, json: object) -> Reply:
        """POST, never tried again. Raises the same."""
        return self._send("POST", url, json=json)

    def post_for_status(self, url: str, *, data: bytes, headers: Mapping[str, str]) -> int:
        """POST these bytes, never tried again; what counts of the reply is its status.

        The rest of it is read as far as size and time allow, and dropped. Raises the same, unless
        there is a status.
        """
        answered: list[int] = []
        try:
            self._send("POST", url, answered=answered, data=data, headers=headers)
        except PostHogIntegrationError:
            if not answered:
                raise
        return answered[0]

    def _remaining(self) -> float:
        return self._deadline - time.monotonic()

    def _send(self, method: str, url: str, **kwargs: Any) -> Reply:
        remaining = self._remaining()
        if remaining <= 0:
            raise TimedOut
        outcome: queue.SimpleQueue[Reply | BaseException] = queue.SimpleQueue()
        threading.Thread(
            target=self._fetch, args=(outcome, method, url), kwargs=kwargs, daemon=True
        ).start()
        try:
            result = outcome.get(timeout=remaining)
        except queue.Empty:
            self._sockets.cut()
            raise TimedOut from None
        if isinstance(result, requests.RequestException | ValueError):
            raise _as_our_error(result) from result
        if isinstance(result, BaseException):
            raise result
        return result

    def _fetch(
        self,
        outcome: queue.SimpleQueue[Reply | BaseException],
        method: str,
        url: str,
        **kwargs: Any,
    ) -> None:
        try:
            outcome.put(self._exchange(method, url, **kwargs))
        except BaseException as exc:  # noqa: BLE001  (raised again in the thread that waits)
            outcome.put(exc)

    def _exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        answered: list[int] | None = None,
        **kwargs: Any,
    ) -> Reply:
        trusted = self._session.get_adapter(url) is self._trusted
        timeout = self._remaining()
        with self._session.request(
            method,
            url,
            headers=self._headers | dict(headers or {}),
            stream=True,
            timeout=(min(CONNECT_TIMEOUT, timeout), min(self._read_timeout, timeout)),
            verify=(trusted and self._network.ca_bundle) or True,
            **kwargs,
        ) as response:
            # After the deadline, what looks like the end of the head is where we cut it off.
            if answered is not None and self._remaining() > 0:
                answered.append(response.status_code)
            body = bytearray()
            for chunk in response.iter_content(_CHUNK_BYTES):
                body += chunk
                if len(body) > self._max_bytes:
                    raise TooMuchToAnswer(
                        hint="PostHog's reply was too large.", status=response.status_code
                    )
                if self._remaining() <= 0:
                    raise TimedOut
            return Reply(status=response.status_code, headers=response.headers, body=bytes(body))


def _as_our_error(exc: requests.RequestException | ValueError) -> PostHogIntegrationError:
    """Ours for the libraries'; a plain ValueError is one over a reply that makes no sense."""
    if isinstance(exc, InvalidIPAddress):
        return InvalidHost(hint="The host's name leads to an address that is not allowed.")
    if isinstance(exc, requests.exceptions.SSLError):
        return TLSFailed()
    if isinstance(exc, requests.Timeout) or _is_read_timeout(exc):
        return TimedOut()
    if isinstance(exc, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return ConnectionFailed()
    return ApiError()


def _is_read_timeout(exc: Exception) -> bool:
    return bool(exc.args) and isinstance(exc.args[0], urllib3.exceptions.ReadTimeoutError)
