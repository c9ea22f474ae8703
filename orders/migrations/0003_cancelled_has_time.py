"""An order that is cancelled says since when. New rows are held to it at once, the old ones are checked by the next."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0002_restock_permission")]

    operations = [
        AddConstraintNotValid(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        models.Q(("state", "PLACED"), _negated=True), ("cancelled_at__isnull", True), _connector="OR"
                    ),
                    models.Q(
                        models.Q(("state", "CANCELLED"), _negated=True),
                        ("cancelled_at__isnull", False),
                        _connector="OR",
                    ),
                ),
                name="order_cancelled_has_time",
            ),
        ),
    ]
