"""Nobody asks this machine what time it is: rows are written, and decided about, by the database's time."""

import ast
from collections.abc import Iterator

from tests.architecture.source import APPS, SANDBOX, name_of, python_files, tree_of

# Each reads a wall clock, and changes no row by it.
MAY = {
    "choptym/lib/clock.py": "where the database's time is read; before it was, there is nothing better",
    "choptym/local/sink.py": "stands for those who receive our messages, who have clocks of their own",
}
# A world of its own: the gateways have their own clocks.
NOT_OURS = (SANDBOX,)
WALL_CLOCKS = {
    "timezone.now", "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
    "datetime.datetime.now", "datetime.date.today", "time.time", "time.time_ns", "time.localtime", "time.gmtime",
}  # fmt: skip
# With no argument it is the present.
PRESENT_BY_DEFAULT = {"timezone.localtime", "timezone.localdate", "localtime", "localdate"}
BY_DJANGO = {"auto_now", "auto_now_add"}
IMPORTED = {
    ("time", "time"),
    ("time", "time_ns"),
    ("django.utils.timezone", "now"),
    ("django.utils.timezone", "localdate"),
}


def _readings(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in WALL_CLOCKS:
            yield node
        if isinstance(node, ast.Call) and ast.unparse(node.func) in PRESENT_BY_DEFAULT and not node.args:
            yield node
        if isinstance(node, ast.keyword) and node.arg in BY_DJANGO:
            yield node
        if isinstance(node, ast.ImportFrom) and {(node.module, one.name) for one in node.names} & IMPORTED:
            yield node


def test_no_part_of_ours_reads_a_wall_clock() -> None:
    found = {
        name_of(path): sorted({node.lineno for node in _readings(tree_of(path))})  # type: ignore[attr-defined]
        for path in python_files("choptym", *APPS)
        if not name_of(path).startswith(NOT_OURS) and any(_readings(tree_of(path)))
    }

    assert {name: lines for name, lines in found.items() if name not in MAY} == {}
    assert set(MAY) == set(found), "a reason for nothing"


def test_the_rule_sees_what_it_forbids() -> None:
    forbidden = (
        "timezone.now()", "f(default=timezone.now)", "datetime.now(UTC)", "time.time()", "timezone.localtime()",
        "f(auto_now_add=True)", "from time import time", "from django.utils.timezone import now",
    )  # fmt: skip
    allowed = ("clock.now()", "time.monotonic()", "timezone.localtime(at)", "timezone.is_naive(at)", "import time")

    assert [text for text in forbidden if not any(_readings(ast.parse(text)))] == []
    assert [text for text in allowed if any(_readings(ast.parse(text)))] == []
