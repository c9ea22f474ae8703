"""How the figures stood every few seconds, for the pictures of the pages of staff."""

from django.db import models


class Sample(models.Model):
    """One period of time, whoever took it. What is not named in `figures` was zero (see payments/samples.py)."""

    at = models.DateTimeField(unique=True, help_text="The beginning of the period.")
    figures = models.JSONField()

    def __str__(self) -> str:
        return f"Sample {self.at:%Y-%m-%d %H:%M:%S}"
