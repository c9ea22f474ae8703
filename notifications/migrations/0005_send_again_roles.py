"""Who may have messages sent again: those who answer customers, and those who mend what was broken."""

from django.db import migrations

ROLES = ("support", "operators")


def widen_roles(apps, schema_editor):
    """Django makes permissions after the last migration, and finds those that are there already."""
    ContentType = apps.get_model("contenttypes", "ContentType")
    content_type, _ = ContentType.objects.get_or_create(app_label="notifications", model="notification")
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type,
        codename="send_again_notification",
        defaults={"name": "Can send messages again"},
    )
    for name in ROLES:
        apps.get_model("auth", "Group").objects.get_or_create(name=name)[0].permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0004_send_again"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    # Backward the permission stays with the groups: without the code it opens nothing.
    operations = [migrations.RunPython(widen_roles, migrations.RunPython.noop)]
