"""What was given up lately is counted without a look at what was sent. Made concurrently."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("notifications", "0005_send_again_roles")]

    operations = [
        migrations.RunSQL("SET statement_timeout = 0; SET lock_timeout = 0", "SELECT 1"),
        AddIndexConcurrently(
            "notification",
            models.Index(fields=["next_attempt_at"], name="notification_given_up", condition=Q(state="GIVEN_UP")),
        ),
        migrations.RunSQL("RESET statement_timeout; RESET lock_timeout", "SELECT 1"),
    ]
