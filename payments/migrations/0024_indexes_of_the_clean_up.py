"""What is old and done with is found without a look at the rest. Made concurrently: these tables are large and busy."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("payments", "0023_history_and_jobs")]

    operations = [
        migrations.RunSQL("SET statement_timeout = 0; SET lock_timeout = 0", "SELECT 1"),
        AddIndexConcurrently(
            "paymentattempt",
            models.Index(
                fields=["started_at"],
                name="attempt_took_nothing",
                condition=Q(state__in=("NOT_PAID", "REFUSED", "NOT_SENT", "POSTPONED", "ABSENT")),
            ),
        ),
        AddIndexConcurrently(
            "paymentattempt",
            models.Index(fields=["started_at"], name="attempt_with_papers", condition=~Q(request={}) | ~Q(response={})),
        ),
        AddIndexConcurrently(
            "webhookevent",
            models.Index(fields=["received_at"], name="event_done", condition=Q(next_look_at__isnull=True)),
        ),
        migrations.RunSQL("RESET statement_timeout; RESET lock_timeout", "SELECT 1"),
    ]
