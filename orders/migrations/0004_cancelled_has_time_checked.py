"""Check the orders that were there before, without holding up those who write."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders", "0003_cancelled_has_time")]

    operations = [
        migrations.RunSQL("SET statement_timeout = 0; SET lock_timeout = 0", "SELECT 1"),
        ValidateConstraint(model_name="order", name="order_cancelled_has_time"),
        migrations.RunSQL("RESET statement_timeout; RESET lock_timeout", "SELECT 1"),
    ]
