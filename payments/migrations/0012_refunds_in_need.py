"""Staff see how many refunds need them. Made without holding up those who write refunds, however long that takes."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("payments", "0011_reconciliation_runs")]

    operations = [
        migrations.RunSQL("SET statement_timeout = 0; SET lock_timeout = 0", "SELECT 1"),
        AddIndexConcurrently(
            model_name="refund",
            index=models.Index(fields=["finished_at"], name="refund_failed", condition=models.Q(("state", "FAILED"))),
        ),
        AddIndexConcurrently(
            model_name="refund",
            index=models.Index(
                fields=["finished_at"],
                name="refund_contradicted",
                condition=models.Q(("state", "REFUNDED"), models.Q(("problem", ""), _negated=True)),
            ),
        ),
        migrations.RunSQL("RESET statement_timeout; RESET lock_timeout", "SELECT 1"),
    ]
