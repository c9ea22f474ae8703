"""Locks have one home, so that their order can be read in one place."""

import re

from tests.architecture.source import APPS, name_of, python_files

LOCKS = re.compile(r"select_for_update|\bFOR\s+(NO\s+KEY\s+)?(UPDATE|SHARE)\b|advisory_(xact_)?lock|\bLOCK\s+TABLE\b")
ORDER = "payments, orders, cart lines, products, wallet accounts"


def test_only_locks_py_locks_rows() -> None:
    elsewhere = [
        f"{name_of(path)}:{number}"
        for path in python_files("choptym", *APPS)
        if path.name != "locks.py"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if LOCKS.search(line)
    ]

    assert elsewhere == []


def test_the_order_of_locks_is_told_the_same_way_everywhere() -> None:
    homes = [path for path in python_files(*APPS) if path.name == "locks.py" and LOCKS.search(path.read_text())]

    assert {name_of(path).split("/")[0] for path in homes} == set(APPS)
    assert [name_of(path) for path in homes if ORDER in path.read_text()] == ["payments/locks.py", "orders/locks.py"]
