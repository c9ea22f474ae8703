from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0007_money_roles")]

    operations = [
        migrations.AlterField(
            model_name="payment",
            name="phone",
            field=models.CharField(
                blank=True, help_text="National number: nine digits in Cameroon, ten in India.", max_length=15
            ),
        )
    ]
