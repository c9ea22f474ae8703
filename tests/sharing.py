"""How a run of all tests is shared by two processes: whatever uses the running stack by one, file by file the rest."""

import os

import pytest

from tests.servers import DATABASE_URL, REDIS_URL, STARTED_HERE

PROCESSES = 2


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """None for a part of the tests, or on servers that were given: Redis knows no test databases."""
    are_ours = {DATABASE_URL, REDIS_URL} <= set(os.environ[STARTED_HERE].split())
    if config.args != config.getini("testpaths") or not are_ours:
        return 0
    config.option.dist = "loadgroup"
    return PROCESSES


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The stack's tests begin at once, for they take longest."""
    if not os.environ.get("PYTEST_XDIST_WORKER"):
        return
    for item in items:
        item.add_marker(pytest.mark.xdist_group("stack" if _uses_stack(item) else item.path.as_posix()))
    items.sort(key=lambda item: not _uses_stack(item))


def _uses_stack(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and "live" in item.fixturenames
