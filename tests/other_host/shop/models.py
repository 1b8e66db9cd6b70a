from __future__ import annotations

from django.conf import settings
from django.db import models


class Team(models.Model):
    """The workspace of this host: a number for a key, a title, no slug."""

    title = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.title


class Seat(models.Model):
    """A user's place in a team."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    team = models.ForeignKey(Team, on_delete=models.CASCADE)
    leads = models.BooleanField(default=False)
