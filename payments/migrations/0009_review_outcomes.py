"""A try that a person has disproved, and events that nobody claimed found without reading the others."""

from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models

STATES = (
    "STARTED",
    "ACCEPTED",
    "UNKNOWN",
    "PAID",
    "SURPLUS",
    "NOT_PAID",
    "REFUSED",
    "NOT_SENT",
    "POSTPONED",
    "ABSENT",
    "DISPROVED",
)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("payments", "0008_phone_of_two_countries")]

    operations = [
        migrations.RunSQL("SET statement_timeout = 0; SET lock_timeout = 0", "SELECT 1"),
        migrations.AlterField(
            model_name="paymentattempt",
            name="state",
            field=models.CharField(
                choices=[(state, state.replace("_", " ").title()) for state in STATES], default="STARTED", max_length=9
            ),
        ),
        migrations.RemoveConstraint(model_name="paymentattempt", name="attempt_state_known"),
        AddConstraintNotValid(
            model_name="paymentattempt",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", list(STATES))), name="attempt_state_known"
            ),
        ),
        ValidateConstraint(model_name="paymentattempt", name="attempt_state_known"),
        AddIndexConcurrently(
            model_name="webhookevent",
            index=models.Index(
                fields=["received_at"], name="event_unclaimed", condition=models.Q(("state", "UNCLAIMED"))
            ),
        ),
        migrations.RunSQL("RESET statement_timeout; RESET lock_timeout", "SELECT 1"),
    ]
