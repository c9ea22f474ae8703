"""Staff may have a message sent again that was given up."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0003_times_of_the_database")]

    operations = [
        migrations.AlterModelOptions(
            name="notification",
            options={"permissions": [("send_again_notification", "Can send messages again")]},
        ),
        migrations.AddField(
            model_name="notification",
            name="asked_again_at",
            field=models.DateTimeField(
                blank=True, help_text="When staff last had it sent again: from then on it has a day.", null=True
            ),
        ),
    ]
