from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0021_alerts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Sample",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(help_text="The beginning of the period.", unique=True)),
                ("figures", models.JSONField()),
            ],
        ),
    ]
