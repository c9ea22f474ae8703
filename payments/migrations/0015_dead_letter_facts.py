"""A dead letter about a refund keeps what the gateway said. The database's own default: older processes write none."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0014_failed_refunds_are_asked_about")]

    operations = [
        migrations.AddField(
            "deadletter",
            "facts",
            models.JSONField(
                blank=True,
                db_default=models.Value([], output_field=models.JSONField()),
                default=list,
                editable=False,
                help_text="What a gateway said of refunds that could not be booked: taken up again by a replay.",
            ),
        )
    ]
