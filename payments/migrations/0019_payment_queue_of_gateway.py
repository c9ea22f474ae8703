from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The oldest of each gateway and priority: without it a crowd at one gateway is read through to find another's."""

    atomic = False

    dependencies = [("payments", "0018_steering_by_load")]

    operations = [
        AddIndexConcurrently(
            "payment",
            models.Index(
                fields=["gateway", "priority", "id"],
                name="payment_queue_of_gateway",
                condition=models.Q(("state", "QUEUED")),
            ),
        ),
    ]
