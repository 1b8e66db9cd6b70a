"""What host projects can hook into, by Django's signals."""

from __future__ import annotations

from django.dispatch import Signal

signal_fired = Signal()
"""A definition has found something of an account.

Sent once for each row, after it was committed, with the model ``Signal`` as ``sender`` and the
row as ``instance``. Those that are late are not sent. What a receiver raises is logged, and
keeps nothing else from happening; a receiver that takes long holds up the sync.
"""
