"""What is old and done with, moved out of the tables that work is done in."""

from django.db import models


class HistoryKind(models.TextChoices):
    ATTEMPT = "attempt"
    EVENT = "event"
    NOTIFICATION = "notification"


class History(models.Model):
    """A row of another table as it stood there. A table for each month of `archived_at` (payments/housekeeping).

    Nothing refers to it, and it refers to nothing. In the database its key is (id, archived_at): a table that is
    partitioned by time can hold no other.
    """

    kind = models.CharField(max_length=20, choices=HistoryKind.choices)
    row_id = models.BigIntegerField()
    about = models.CharField(max_length=60, blank=True, help_text="Such as payment:42.")
    happened_at = models.DateTimeField()
    archived_at = models.DateTimeField()
    content = models.JSONField(help_text="Every column of the row.")

    class Meta:
        verbose_name_plural = "history"

    def __str__(self) -> str:
        return f"{self.kind} {self.row_id}"
