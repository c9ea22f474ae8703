"""Every migration from now on may run while payments do. Older ones are excused, and may only become fewer."""

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tests.upgrade.live_table import find_problems, run_watched

# The newest of each app on the day this rule was made: nothing after it can be excused.
LAST_EXCUSED = {
    "payments": 26,
    "orders": 5,
    "wallets": 4,
    "notifications": 2,
    "audit": 2,
    "auth": 12,
    "contenttypes": 2,
}
EXCUSED = {
    "auth.0008_alter_user_username_max_length",
    "auth.0010_alter_group_name_max_length",
    "contenttypes.0002_remove_content_type_name",
    "payments.0005_refunds_reconciliation_bulk",
    "payments.0009_review_outcomes",
    "payments.0011_reconciliation_runs",
    "payments.0012_refunds_in_need",
    "payments.0013_gateway_payment_id",
    "payments.0014_failed_refunds_are_asked_about",
    "payments.0018_steering_by_load",
    "payments.0020_tally",
    "payments.0021_alerts",
    "payments.0024_indexes_of_the_clean_up",
    "wallets.0002_append_only",
    "wallets.0003_balance_is_known",
}


def test_every_migration_is_safe_on_a_live_table(empty: str) -> None:
    problems = _problems_of_all()

    unsafe = [f"{name} {problem}" for name, found in problems.items() if name not in EXCUSED for problem in found]
    assert not unsafe, "\n".join(unsafe)
    assert EXCUSED - problems.keys() == set(), "they need no excuse any more: take them off the list"


def test_what_is_newer_than_the_rule_cannot_be_excused() -> None:
    parts = (name.split(".") for name in EXCUSED)

    assert [name for app, name in parts if int(name[:4]) > LAST_EXCUSED[app]] == []


def _problems_of_all() -> dict[str, list[str]]:
    """What each migration, ours or of a library, would do to the tables of those before it."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    state = executor.loader.project_state([])
    found = {}
    for migration, _ in plan:
        if problems := find_problems(run_watched(migration, state)):
            found[f"{migration.app_label}.{migration.name}"] = problems
    return found
