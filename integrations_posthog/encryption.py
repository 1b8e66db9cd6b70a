"""The one way in and the one way out of a secret, and the one way to show a part of it."""

from __future__ import annotations

import re
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from .conf import app_settings
from .errors import KeyUnreadable

KEY_PATTERN = re.compile(
    r"(?<=ph[a-z]_)[0-9A-Za-z_-]{8,}"  # A key of PostHog's.
    r"|(?<=whsec_)[0-9A-Za-z+/=]{8,}"  # What a webhook's messages are signed with.
)
"""What is secret of a secret in running text: all that follows its prefix."""


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


class SealedText:
    """An encrypted text. It shows neither the text nor the ciphertext unless it is asked to."""

    __slots__ = ("token",)

    def __init__(self, token: str) -> None:
        self.token = token

    @classmethod
    def seal(cls, text: str) -> SealedText:
        """Encrypt ``text`` under the first encryption key."""
        return cls(_cipher(tuple(app_settings.ENCRYPTION_KEYS)).encrypt(text.encode()).decode())

    def open(self) -> str:
        """Decrypt.

        Raises:
            KeyUnreadable: none of the encryption keys fits.
        """
        cipher = _cipher(tuple(app_settings.ENCRYPTION_KEYS))
        try:
            return cipher.decrypt(self.token.encode()).decode()
        except InvalidToken as exc:
            raise KeyUnreadable from exc

    def resealed(self) -> SealedText | None:
        """The same text under the first encryption key, or None where that is so already.

        Raises:
            KeyUnreadable: none of the encryption keys fits.
        """
        keys = tuple(app_settings.ENCRYPTION_KEYS)
        try:
            _cipher(keys[:1]).decrypt(self.token.encode())
        except InvalidToken:
            return SealedText.seal(self.open())
        return None

    def __repr__(self) -> str:
        return "<SealedText>"


def mask(key: str) -> str:
    """``phx_…abcd``: enough to tell one's keys apart, as PostHog's own key list shows them."""
    return f"{key[:4]}…{key[-4:]}"


def redact(text: str) -> str:
    """``text`` with whatever looks like a secret cut down to its prefix."""
    return KEY_PATTERN.sub("…", text)
