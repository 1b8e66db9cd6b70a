"""How connections are made: to which address, by which session, and how they are ended."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests_hardened import Config, HTTPSession
from requests_hardened.ip_filter import InvalidIPAddress
from requests_hardened.ip_filter_adapter import IPFilterAdapter

from .addresses import is_allowed

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 12.0
_USER_AGENT = "integrations-posthog/0.1"


class Sockets:
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


class _KeepsSockets:
    """Part of an adapter: hands the sockets of its connections to ``sockets``."""

    def __init__(self, *, sockets: Sockets, **kwargs: Any) -> None:
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


class TrustedAdapter(_KeepsSockets, HTTPAdapter):
    """For origins that the operator trusts: any address."""


class GuardedAdapter(_KeepsSockets, IPFilterAdapter):  # type: ignore[misc]
    """For all others: connects to the one address that was looked up and found allowed."""

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        host_params, pool_kwargs = super().build_connection_pool_key_attributes(*args, **kwargs)
        address = host_params["host"].strip("[]")
        if not is_allowed(address):
            raise InvalidIPAddress(address)
        return host_params, pool_kwargs


class _Session(HTTPSession):  # type: ignore[misc]
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: even where it follows none, requests would read a redirect's whole body."""


def new_session() -> HTTPSession:
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
