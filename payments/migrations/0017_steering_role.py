"""Who may steer the queue: operators. Everybody with a role sees what was ordered."""

from django.db import migrations

ROLES = ("support", "finance", "operators")


def widen_roles(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    seen = _permission(apps, "view_queuecontrol", "Can view queue control")
    for name in ROLES:
        Group.objects.get_or_create(name=name)[0].permissions.add(seen)
    steer = _permission(apps, "steer_queue", "Can stop, drain, resume and resize the queue")
    Group.objects.get(name="operators").permissions.add(steer)


def _permission(apps, codename, name):
    """Django makes permissions after the last migration, and finds those that are there already."""
    ContentType = apps.get_model("contenttypes", "ContentType")
    content_type, _ = ContentType.objects.get_or_create(app_label="payments", model="queuecontrol")
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type, codename=codename, defaults={"name": name}
    )
    return permission


class Migration(migrations.Migration):
    dependencies = [("payments", "0016_queue_control")]

    # Backward the permissions stay with the groups: without the code they open nothing.
    operations = [migrations.RunPython(widen_roles, migrations.RunPython.noop)]
