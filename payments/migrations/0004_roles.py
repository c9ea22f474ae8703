"""The roles of staff. Whoever has none of them, and is no superuser, sees nothing."""

from django.conf import settings
from django.db import migrations

SEEN_BY_ALL = {
    "payments": ("payment", "paymentattempt", "webhookevent", "idempotencykey", "deadletter"),
    "orders": ("shop", "product", "order", "orderitem", "cartitem"),
    "wallets": ("account", "entry"),
    "notifications": ("notification", "preference"),
    "auth": ("user",),
}
VIEW = tuple(f"{app}.view_{model}" for app, models in SEEN_BY_ALL.items() for model in models)

ROLES = {
    # answers customers
    "support": VIEW,
    # answers for the money
    "finance": (*VIEW, "audit.view_act", "payments.replay_deadletter"),
    # keeps the service and the menu going
    "operators": (
        *VIEW,
        "audit.view_act",
        "payments.replay_deadletter",
        "orders.add_shop",
        "orders.change_shop",
        "orders.add_product",
        "orders.change_product",
        "orders.restock_product",
        "notifications.add_preference",
        "notifications.change_preference",
    ),
}


def make_roles(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    for name, codenames in ROLES.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.add(*[_permission(apps, codename) for codename in codenames])


def _permission(apps, codename):
    """Django makes permissions after the last migration, and finds those that are there already."""
    app, name = codename.split(".")
    verb, _, model = name.partition("_")
    ContentType = apps.get_model("contenttypes", "ContentType")
    content_type, _ = ContentType.objects.get_or_create(app_label=app, model=model)
    words = {"deadletter": "dead letter", "paymentattempt": "payment attempt", "webhookevent": "webhook event"}
    words |= {"idempotencykey": "idempotency key", "orderitem": "order item", "cartitem": "cart item"}
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type, codename=name, defaults={"name": f"Can {verb} {words.get(model, model)}"}
    )
    return permission


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0003_payment_by_phone"),
        ("orders", "0002_restock_permission"),
        ("wallets", "0001_initial"),
        ("notifications", "0001_initial"),
        ("audit", "0002_append_only"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    # Backward the groups stay: people may be in them.
    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
