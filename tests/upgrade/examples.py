"""Migrations as people would write them, each run and judged by the rules."""

from collections.abc import Sequence
from typing import Any

from django.db import migrations
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.upgrade.live_table import find_problems, run_watched


def sql(text: str) -> Operation:
    return migrations.RunSQL(text, migrations.RunSQL.noop)


def nothing(apps: Any, editor: Any) -> None:
    pass


def problems_of(state: ProjectState, operations: Sequence[Operation], *, atomic: bool = True) -> list[str]:
    """Run these operations as a migration, each in the app whose model it names."""
    body = {"operations": list(operations), "atomic": atomic}
    example = type("Migration", (migrations.Migration,), body)
    return find_problems(run_watched(example("0099_example", app_of(operations)), state))


def app_of(operations: Sequence[Operation]) -> str:
    return "orders" if any(getattr(one, "model_name", "") == "product" for one in operations) else "payments"
