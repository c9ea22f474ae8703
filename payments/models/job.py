"""What runs by the clock, every minute or more seldom."""

from django.db import models


class Job(models.Model):
    """When it ran, and for which slot of time. A period is cut into slots; each is run once (housekeeping/jobs.py).

    slot_at          the last slot that is done
    leased_until     somebody runs it, or it failed: not before this. Empty: nobody does
    """

    name = models.CharField(max_length=60, primary_key=True)
    slot_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True, blank=True)
    begun_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    runs = models.PositiveBigIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return self.name
