"""Staff find a payment by the phone that paid. Made without holding up those who pay, however long that takes."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("payments", "0002_replay_permission")]

    operations = [
        migrations.RunSQL("SET statement_timeout = 0; SET lock_timeout = 0", "SELECT 1"),
        AddIndexConcurrently(
            model_name="payment",
            index=models.Index(
                fields=["phone"], name="payment_by_phone", condition=models.Q(("phone", ""), _negated=True)
            ),
        ),
        migrations.RunSQL("RESET statement_timeout; RESET lock_timeout", "SELECT 1"),
    ]
