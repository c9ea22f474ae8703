"""A try says which money was booked for it: one transaction may be paid twice, and one of both goes back by itself.

The column has a default of the database's own, so that processes of the release before may go on writing tries.
"""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("payments", "0012_refunds_in_need")]

    operations = [
        migrations.AddField(
            "paymentattempt",
            "gateway_payment_id",
            models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The gateway's id of the money itself, as it was booked.",
                max_length=100,
            ),
        ),
        migrations.RunSQL("SET statement_timeout = 0; SET lock_timeout = 0", "SELECT 1"),
        AddIndexConcurrently(
            model_name="paymentattempt",
            index=models.Index(
                fields=["gateway", "gateway_payment_id"],
                name="attempt_by_gateway_payment",
                condition=~Q(gateway_payment_id=""),
            ),
        ),
        migrations.RunSQL("RESET statement_timeout; RESET lock_timeout", "SELECT 1"),
    ]
