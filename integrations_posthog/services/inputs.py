"""What people paste, judged before PostHog is asked."""

from __future__ import annotations

import re

from ..errors import InvalidFormat, NotFound

_API_KEY = re.compile(r"ph[cxs]_[0-9A-Za-z_-]+")
_MIN_KEY_LENGTH = 16
_MAX_KEY_LENGTH = 512
_PROJECT_ID = re.compile(r"[0-9]{1,18}")
_KNOWN_KINDS = {
    "pha_": "This is an OAuth access token of PostHog's; a personal API key starts with phx_.",
    "phr_": "This is an OAuth refresh token of PostHog's; a personal API key starts with phx_.",
    "sk-": "This looks like a key of an AI provider, not of PostHog.",
    "sk_": "This looks like a key of Stripe's, not of PostHog.",
    "ghp_": "This looks like a GitHub token, not a key of PostHog's.",
    "xox": "This looks like a Slack token, not a key of PostHog's.",
}


def parse_api_key(text: str) -> str:
    """The key in what a person pasted.

    Raises:
        InvalidFormat: it cannot be a key that works here; the hint names what it may be.
    """
    key = text.strip()
    if _API_KEY.fullmatch(key) and _MIN_KEY_LENGTH <= len(key) <= _MAX_KEY_LENGTH:
        return key
    hint = next((kind for prefix, kind in _KNOWN_KINDS.items() if key.startswith(prefix)), None)
    raise InvalidFormat(hint=hint)


def parse_project_id(text: str | None) -> str | None:
    """A project id in its one spelling; None for no choice.

    Raises:
        NotFound: no project can have this id.
    """
    if text is None or not text.strip():
        return None
    if not _PROJECT_ID.fullmatch(text.strip()):
        raise NotFound(hint="A project's id is a number, as in the address of its page in PostHog.")
    return str(int(text))


def is_id(text: str) -> bool:
    """Whether a row of ours can have this id."""
    return text.isascii() and text.isdecimal() and len(text) <= 18
