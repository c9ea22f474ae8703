"""Every boundary on the money path has a failpoint, every failpoint a story, and off they cost nothing."""

import ast
import re
import timeit
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from choptym.lib import failpoints
from tests.architecture.source import Function, functions_of, name_of, tree_of
from tests.failpoints.cases import CASES, SHORT, boundary_of
from tests.failpoints.points import (
    MONEY,
    NOT_MONEY,
    every_point,
    messages_in,
    names_in,
    sources,
    tasks_of,
    tasks_there_are,
)

# Durable transactions beside the money path, each with what is in it.
ELSEWHERE = {
    "choptym/lib/failpoints.py": "the door itself",
    "choptym/log_out.py": "who is logged in; no money",
    "orders/carts.py": "a cart: nothing is ordered yet",
    "orders/restock.py": "stock on hand, by staff; nobody has paid for it",
    "payments/alerts/mute.py": "alerts to operators",
    "payments/canaries.py": "alerts to operators",
    "payments/housekeeping/clear.py": "what is past its retention",
    "payments/housekeeping/months.py": "the same",
    "payments/housekeeping/order.py": "the same",
    "payments/housekeeping/step.py": "the same",
    "payments/management/commands/seed_demo.py": "a demo's menu and customers",
    "payments/prove.py": "only reads",
    "payments/steering/loop.py": "orders about the queue: read again every second, and no payment depends on one",
    "payments/steering/pin_profile.py": "the same",
    "payments/steering/write.py": "the same",
}
CLAIMS_ELSEWHERE = ("payments/alerts/locks.py", "payments/housekeeping/locks.py", "payments/tally/locks.py")
# Who may speak to the network: the door, and what asks the sandbox for the proof.
NETWORK = {
    "choptym/lib/outbound.py",
    "choptym/lib/wire.py",
    "payments/prove_gateways.py",
    "payments/prove_gateway_refunds.py",
}
LOCAL = "choptym/local/"
OFF_NANOSECONDS = 5_000  # of a transaction of 500,000; a busy machine is forgiven


def test_a_durable_transaction_of_the_money_path_has_a_name() -> None:
    bare = {name for name, _ in _found(r"transaction\.atomic\(durable=True\)")}

    assert bare - set(ELSEWHERE) == set(), "write `with committing(…)` from choptym/lib/failpoints.py"
    assert set(ELSEWHERE) - bare == set(), "listed here, and has none"


def test_every_claim_has_a_name() -> None:
    """A statement in locks.py that changes rows commits by itself."""
    bare = [
        f"{name_of(path)}:{function.name}"
        for path in sources()
        if path.name == "locks.py" and name_of(path) not in CLAIMS_ELSEWHERE
        for function in functions_of(path)
        if _changes_rows(ast.unparse(function)) and not _is_named(function) and not _is_called_by_named(function, path)
    ]

    assert bare == []


def _changes_rows(text: str) -> bool:
    return bool(re.search(r"(?<!FOR NO KEY )\bUPDATE \w+|\bINSERT INTO\b|\bDELETE FROM\b|\.update\(|_CLAIM\b", text))


def _is_called_by_named(function: Function, path: Path) -> bool:
    """A part of others, each of which has a name."""
    others = [one for one in functions_of(path) if one is not function and f"{function.name}(" in ast.unparse(one)]
    return bool(others) and all(_is_named(one) for one in others)


def _is_named(function: Function) -> bool:
    return any(ast.unparse(one).startswith("commits(") for one in function.decorator_list)


def test_messages_leave_by_one_door() -> None:
    publishing = {name for name, _ in _found(r"\.(apply_async|delay|send_task)\(")}

    # Beat's ticks tell of no row: of one that is lost, the next one says the same.
    assert publishing == {"choptym/lib/jobs.py", "choptym/lib/ticks.py"}


def test_it_is_known_of_which_task_a_message_speaks() -> None:
    """Otherwise the list of points would be shorter than it is."""
    known = {*MONEY, *NOT_MONEY}
    strange = [
        f"{name_of(path)}:{line} {said}"
        for path in sources()
        if path.name != "jobs.py"
        for door, said, line in messages_in(path)
        if not set(tasks_of(door, said)) <= known
    ]

    assert strange == []


def test_requests_leave_by_one_door() -> None:
    calling = {name for name, _ in _found(r"\brequests\.(get|post|put|request|Session)\b|\burlopen\(|http\.client\b")}

    assert {name for name in calling if not name.startswith(LOCAL)} <= NETWORK


def test_every_task_is_on_the_money_path_or_harms_nobody() -> None:
    assert tasks_there_are() == {*MONEY, *NOT_MONEY}
    assert set(MONEY) & set(NOT_MONEY) == set()


def test_no_name_is_used_twice() -> None:
    names = Counter(name for path in sources() for name, _ in names_in(path, "committing", "commits", "around"))

    assert [name for name, count in names.items() if count > 1] == []


def test_a_name_is_a_word_that_stands_there() -> None:
    """One that is put together somewhere else would be in nobody's list."""
    may = {
        "choptym/lib/failpoints.py",
        "choptym/lib/jobs.py",
        "choptym/worker_failpoints.py",
        "notifications/deliver.py",
    }
    put_together = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources()
        if name_of(path) not in may
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"committing", "commits", "around", "failpoint"}
        and not all(isinstance(one, ast.Constant) for one in node.args)
    ]

    assert put_together == []


def test_every_point_has_a_story() -> None:
    told = {case.boundary for case in CASES}

    assert [point for point in every_point() if boundary_of(point) not in told] == [], "tests/failpoints/cases.py"
    assert sorted(told - {boundary_of(point) for point in every_point()}) == [], "there is no such point"
    assert set(SHORT) <= {case.name for case in CASES}
    assert len(every_point()) > 200


@pytest.mark.parametrize("name", ["around", "committing"])
def test_what_is_off_is_free(name: str) -> None:
    assert settings.FAILPOINTS_DIR == ""
    assert failpoints.commits("x")(_nothing) is _nothing
    door = getattr(failpoints, name)

    seconds = min(timeit.repeat(lambda: door("settle"), number=500, repeat=50)) / 500

    assert seconds * 1e9 < OFF_NANOSECONDS


def _nothing() -> None:
    """Has no effect."""


def _found(pattern: str) -> Iterator[tuple[str, int]]:
    for path in sources():
        for number, line in enumerate(_code(path).splitlines(), 1):
            if re.search(pattern, line):
                yield name_of(path), number


def _code(path: Path) -> str:
    """Without comments and texts, in which anything may stand."""
    return ast.unparse(tree_of(path))
