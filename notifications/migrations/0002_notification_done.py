"""What was said, or given up, is found by its age without a look at what waits. Made concurrently."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("notifications", "0001_initial")]

    operations = [
        migrations.RunSQL("SET statement_timeout = 0; SET lock_timeout = 0", "SELECT 1"),
        AddIndexConcurrently(
            "notification",
            models.Index(fields=["created_at"], name="notification_done", condition=~Q(state="WAITING")),
        ),
        migrations.RunSQL("RESET statement_timeout; RESET lock_timeout", "SELECT 1"),
    ]
