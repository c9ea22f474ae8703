"""Every failpoint there is, read from the source: what is new there is new here."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from django.conf import settings

from tests.architecture.source import APPS, Function, functions_of, name_of, python_files, tree_of

BOTH = ("before", "after")
# The tasks on the money path, and the others with the reason why nobody is harmed when they die.
MONEY = (
    *("charge_due", "process_events", "look_up_strangers", "confirm_payments"),
    *("sweep_charges", "sweep_events", "sweep_confirmations", "send_refunds", "sweep_refunds", "expire_payments"),
    *("work_on_bulk", "sweep_bulk", "reconcile_day", "sweep_reconciliations"),
    *("deliver_notifications", "sweep_notifications"),
)
NOT_MONEY = {
    **dict.fromkeys(("sweep_limits", "take_sample", "tidy_tally"), "figures: the next tick does the same"),
    **dict.fromkeys(("prove_books", "prove_outcomes"), "they only read"),
    **dict.fromkeys(("check_alerts", "watch_workers", "answer_canary", "tell_alerts"), "alerts to operators"),
    **dict.fromkeys(("sweep_jobs", "run_job", "tidy_up", "tidy_months"), "the clock's jobs, each due again by its row"),
    **dict.fromkeys(("charge_payment", "pay_from_wallet"), "of the release before: charge_due has their work"),
    **dict.fromkeys(("sweep_days", "sweep_missed_days"), "they only ask for days: reconcile.due_day"),
}
DOORS = {"publish": BOTH, "ring": ("before", "between", "after"), "answer": BOTH, "hold": BOTH}
# What publishes: by which function of jobs.py its message goes.
_BY = {
    "after_commit": "publish",
    "publish": "publish",
    "ring_after_commit": "ring",
    "ring": "ring",
    "answer": "answer",
    "hold": "hold",
}
# What is drained as long as rows are there (choptym/lib/drain.py).
_DRAINS = ("charge_due", "process_events", "confirm_payments", "send_refunds", "deliver_notifications")
# Where the task stands in a variable. A drain also publishes itself, after 20 seconds of work: no point of its own.
_STANDS_FOR = {
    ("ring", "tasks.charge_due"): ("charge_due",),
    ("answer", "task"): _DRAINS,
    ("hold", "task"): _DRAINS,
    ("publish", "task"): (),
}
_DRAINS_OF_THEMSELVES = {"work_on_bulk"}


@cache
def every_point() -> tuple[str, ...]:
    """In the order of their names."""
    points = {*_named(), *_of_messages(), *_of_tasks(), *_of_calls(), *_of_channels(), *_of_queues()}
    return tuple(sorted(points))


def names_in(path: Path, *functions: str) -> Iterator[tuple[str, int]]:
    """(name, line) of every boundary that is named in this file by a word that stands there."""
    for node in ast.walk(tree_of(path)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions):
            continue
        parts = [one.value for one in node.args if isinstance(one, ast.Constant)]
        if len(parts) == len(node.args):
            yield ".".join(str(part) for part in parts), node.lineno


def sources() -> list[Path]:
    return [path for path in python_files("choptym", *APPS) if not name_of(path).startswith("payments/sandbox/")]


def _named() -> Iterator[str]:
    for path in sources():
        for name, _ in names_in(path, "committing", "commits", "around"):
            yield from (f"{name}.{moment}" for moment in BOTH)


def messages_in(path: Path) -> Iterator[tuple[str, str, int]]:
    """(publish, ring or answer; what is said there of the task; line) of every message that leaves here."""
    if "from choptym.lib.jobs import" not in path.read_text():
        return  # an `answer` of another kind
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _BY and node.args:
            yield _BY[node.func.id], ast.unparse(node.args[0]), node.lineno


def tasks_of(door: str, said: str) -> tuple[str, ...]:
    return _STANDS_FOR.get((door, said), (said,))


def _of_messages() -> Iterator[str]:
    for path in sources():
        if path.name == "jobs.py":
            continue
        for door, said, _ in messages_in(path):
            for task in tasks_of(door, said):
                if task in MONEY and not (door == "publish" and task in _DRAINS_OF_THEMSELVES):
                    yield from (f"{door}.{full_name(task)}.{moment}" for moment in DOORS[door])


def full_name(task: str) -> str:
    """As Celery calls it."""
    return f"{'notifications' if task in {'deliver_notifications', 'sweep_notifications'} else 'payments'}.tasks.{task}"


def _of_tasks() -> Iterator[str]:
    for task in MONEY:
        yield from (f"task.{full_name(task)}.{moment}" for moment in BOTH)


def _of_queues() -> Iterator[str]:
    for queue in settings.QUEUES:
        yield from (f"take.{queue}", f"ack.{queue}")


def _of_calls() -> Iterator[str]:
    """Everything that a gateway is asked. What comes from it, and what only people ask, is no call of the path."""
    [base] = [path for path in python_files("payments/gateways") if path.name == "base.py"]
    [gateway] = [node for node in tree_of(base).body if isinstance(node, ast.ClassDef) and node.name == "Gateway"]
    for node in gateway.body:
        if isinstance(node, Function) and node.name not in {"read_webhook", "fetch_balance"}:
            yield from (f"call.{node.name}.{moment}" for moment in BOTH)


def _of_channels() -> Iterator[str]:
    for channel in ("sms", "email", "push"):
        yield from (f"send.{channel}.{moment}" for moment in BOTH)


def tasks_there_are() -> set[str]:
    """Every shared task."""
    return {
        function.name
        for path in sources()
        for function in functions_of(path)
        if any(isinstance(one, ast.Name) and one.id == "shared_task" for one in function.decorator_list)
    }
