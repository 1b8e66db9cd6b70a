"""The network: guarded, bounded in time and size, and nothing else.

Every request runs in a daemon thread that is abandoned at the deadline: a read time-out never
fires on a reply that trickles, and name resolution has no time-out at all. (An executor would
be joined at exit.)
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests_hardened import Config, HTTPSession
from requests_hardened.ip_filter import InvalidIPAddress
from requests_hardened.ip_filter_adapter import IPFilterAdapter

from ..errors import (
    ApiError,
    ConnectionFailed,
    InvalidHost,
    PostHogIntegrationError,
    TimedOut,
    TLSFailed,
)
from .addresses import is_allowed
from .hosts import Network

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 12.0
MAX_BYTES = 5_000_000
_CHUNK_BYTES = 65_536
_BACK_OFFS = (0.2, 0.8)
_RETRIED_STATUSES = frozenset({502, 503, 504})
_USER_AGENT = "integrations-posthog/0.1"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back, decoded from any compression, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"<Reply {self.status}, {len(self.body)} bytes>"


class _Sockets:
    """The open sockets of a transport, by handles of its own, to cut them all at the deadline.

    The connections themselves will not do: they let go of a socket that its reply still reads.
    """

    def __init__(self) -> None:
        self._handles: list[socket.socket] = []
        self._lock = threading.Lock()
        self._is_cut = False

    def keep(self, opened: socket.socket) -> None:
        """Remember a socket.

        Raises:
            OSError: too late; it must not be used any more.
        """
        with self._lock:
            if self._is_cut:
                opened.close()
                raise OSError("the deadline has passed")
            self._handles.append(opened.dup())

    def cut(self) -> None:
        """End whatever is read or written, and let nothing new begin."""
        with self._lock:
            self._is_cut = True
            for handle in self._handles:
                with suppress(OSError):  # The other side may have ended it.
                    handle.shutdown(socket.SHUT_RDWR)
                handle.close()
            self._handles.clear()


class _SocketsKept:
    """Part of an adapter: hands the sockets of its connections to ``sockets``."""

    def __init__(self, *, sockets: _Sockets, **kwargs: Any) -> None:
        self._sockets = sockets
        super().__init__(**kwargs)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool = super().get_connection_with_tls_context(*args, **kwargs)  # type: ignore[misc]
        sockets = self._sockets
        connection_class: Any = type(pool).ConnectionCls

        class KeptConnection(connection_class):  # type: ignore[misc]
            def _new_conn(self) -> socket.socket:
                opened: socket.socket = super()._new_conn()
                sockets.keep(opened)
                return opened

        pool.ConnectionCls = KeptConnection
        return pool


class _TrustedAdapter(_SocketsKept, HTTPAdapter):
    """For origins that the operator trusts: any address."""


class _GuardedAdapter(_SocketsKept, IPFilterAdapter):  # type: ignore[misc]
    """For all others: connects to the one address that was looked up and found allowed."""

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        host_params, pool_kwargs = super().build_connection_pool_key_attributes(*args, **kwargs)
        address = host_params["host"].strip("[]")
        if not is_allowed(address):
            raise InvalidIPAddress(address)
        return host_params, pool_kwargs


class Transport:
    """Sends requests with one API key until one common deadline.

    Args:
        api_key: sent as a bearer token (posthog.com/docs/api: personal API key authentication).
        network: what the operator allows.
        seconds: how long all requests may take together, from now on.
        spare_requests: how many requests may be made beyond those that have to be: tries anew,
            and what a caller can do without.
    """

    def __init__(
        self, *, api_key: str, network: Network, seconds: float, spare_requests: int
    ) -> None:
        self._network = network
        self._deadline = time.monotonic() + seconds
        self._headers = {"Authorization": f"Bearer {api_key}", "Accept": "application/json"}
        self._sockets = _Sockets()
        self._trusted = _TrustedAdapter(sockets=self._sockets)
        self._session = _session()
        guarded = _GuardedAdapter(sockets=self._sockets, is_https_proto=True)
        self._session.mount("https://", guarded)
        for origin in network.trusted_origins:
            self._session.mount(f"{origin}/", self._trusted)
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

    def _exchange(self, method: str, url: str, **kwargs: Any) -> Reply:
        trusted = self._session.get_adapter(url) is self._trusted
        timeout = self._remaining()
        with self._session.request(
            method,
            url,
            headers=self._headers,
            stream=True,
            timeout=(min(CONNECT_TIMEOUT, timeout), min(READ_TIMEOUT, timeout)),
            verify=(trusted and self._network.ca_bundle) or True,
            **kwargs,
        ) as response:
            body = bytearray()
            for chunk in response.iter_content(_CHUNK_BYTES):
                body += chunk
                if len(body) > MAX_BYTES:
                    raise ApiError(
                        hint="PostHog's reply was too large.", status=response.status_code
                    )
                if self._remaining() <= 0:
                    raise TimedOut
            return Reply(status=response.status_code, headers=response.headers, body=bytes(body))


class _Session(HTTPSession):  # type: ignore[misc]
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: even where it follows none, requests would read a redirect's whole body."""


def _session() -> HTTPSession:
    session = _Session(
        Config(
            ip_filter_enable=False,  # The adapters mounted by the transport filter.
            ip_filter_allow_loopback_ips=False,
            never_redirect=True,
            default_timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
            user_agent_override=_USER_AGENT,
        )
    )
    session.trust_env = False
    session.adapters.clear()
    return session


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
