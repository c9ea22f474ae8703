"""Acts of staff. Append-only: a database trigger refuses to change one."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from choptym.lib import clock


class Act(models.Model):
    """Who did what, to what, and why."""

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    verb = models.CharField(max_length=60, help_text="The verb that was called, such as replay_dead_letter.")
    about = models.CharField(max_length=60, help_text="Such as payment:42.")
    reason = models.CharField(max_length=500)
    details = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["about", "id"], name="act_by_object")]
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="act_has_reason")]

    def __str__(self) -> str:
        return f"{self.verb} {self.about}"
