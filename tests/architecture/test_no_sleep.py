"""Nothing on the way of money sleeps: what is to happen later is a row with a due time."""

import ast
from pathlib import Path

from tests.architecture.source import APPS, SANDBOX, name_of, python_files, tree_of

# One streams a payment's steps to a waiting customer; two commands watch what workers do. None of them moves anything.
# `migrate` gives way to whoever uses a table.
# The last waits for its place in a gateway's line, a second and a half at most, before any row is claimed or locked.
ALLOWED = {
    "payments/stream.py",
    "payments/management/commands/bulk_upload.py",
    "payments/management/commands/migrate.py",
    "payments/management/commands/queue.py",
    "payments/reconciliation/foreground.py",
    "payments/throttle/admit.py",
}


def _sleeps(path: Path) -> list[str]:
    found = []
    for node in ast.walk(tree_of(path)):
        called = isinstance(node, ast.Attribute) and node.attr == "sleep"
        imported = isinstance(node, ast.ImportFrom) and any(alias.name == "sleep" for alias in node.names)
        asked = isinstance(node, ast.Constant) and isinstance(node.value, str) and "pg_sleep" in node.value
        if called or imported or asked:
            found.append(f"{name_of(path)}:{getattr(node, 'lineno', 0)}")
    return found


def test_nothing_that_moves_money_sleeps() -> None:
    files = [path for path in python_files(*APPS) if not name_of(path).startswith(SANDBOX)]

    assert [place for path in files if name_of(path) not in ALLOWED for place in _sleeps(path)] == []


def test_what_is_allowed_to_sleep_still_does() -> None:
    assert [path for path in python_files(*APPS) if name_of(path) in ALLOWED and not _sleeps(path)] == []
