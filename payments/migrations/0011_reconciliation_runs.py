"""A reconciliation says who works on it and how often it was tried; one that waits always says until when."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("payments", "0010_detour")]

    operations = [
        migrations.AddField(
            "reconciliation",
            "fees_booked",
            models.PositiveIntegerField(default=0, help_text="By the last run, because only the lists tell them."),
        ),
        migrations.AddField(
            "reconciliation",
            "attempts_made",
            models.PositiveSmallIntegerField(default=0, help_text="Since it was asked for."),
        ),
        migrations.AddField("reconciliation", "rechecks", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField("reconciliation", "begun_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddConstraint(
            "reconciliation",
            models.CheckConstraint(
                condition=Q(state="QUEUED", next_attempt_at__isnull=False)
                | (~Q(state="QUEUED") & Q(next_attempt_at__isnull=True)),
                name="reconciliation_waits_or_has_ended",
            ),
        ),
    ]
