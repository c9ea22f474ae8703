"""Who may see and do what with refunds, reviews, reconciliations and bulk files."""

from django.db import migrations

SEEN_BY_ALL = ("refund", "reconciliation", "reconciliationbreak", "bulkupload", "bulkline")
WORDS = {"reconciliationbreak": "reconciliation break", "bulkupload": "bulk upload", "bulkline": "bulk line"}

# (app, model, codename, name): for finance, who answer for the money.
FOR_FINANCE = (
    ("payments", "refund", "refund_payment", "Can refund payment"),
    ("payments", "payment", "review_payment", "Can decide payments under review"),
    ("payments", "reconciliation", "run_reconciliation", "Can run reconciliation"),
    ("payments", "bulkupload", "upload_bulk", "Can upload bulk refunds and credits"),
    ("wallets", "account", "credit_account", "Can credit wallets"),
)
ROLES = ("support", "finance", "operators")


def widen_roles(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    seen = [
        _permission(apps, "payments", model, f"view_{model}", f"Can view {WORDS.get(model, model)}")
        for model in SEEN_BY_ALL
    ]
    for name in ROLES:
        Group.objects.get_or_create(name=name)[0].permissions.add(*seen)
    Group.objects.get(name="finance").permissions.add(*[_permission(apps, *line) for line in FOR_FINANCE])


def _permission(apps, app, model, codename, name):
    """Django makes permissions after the last migration, and finds those that are there already."""
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(app_label=app, model=model)
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type, codename=codename, defaults={"name": name}
    )
    return permission


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0006_refund_within_capture"),
        ("wallets", "0004_credit_permission"),
        ("payments", "0004_roles"),
    ]

    # Backward the permissions stay with the groups: without the code they open nothing.
    operations = [migrations.RunPython(widen_roles, migrations.RunPython.noop)]
