"""Who may replay a dead letter has a permission of its own: nobody may change one."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial")]

    operations = [
        migrations.AlterModelOptions(
            name="deadletter", options={"permissions": [("replay_deadletter", "Can replay dead letter")]}
        ),
    ]
