"""Old and new code side by side against one database, under load: there, and back again."""

import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from choptym.local.role import PROJECT
from tests.chaos.load import Load
from tests.chaos.patience import eventually
from tests.chaos.plan import WishesUntilTold, make_plan
from tests.chaos.proof import is_quiet, prove
from tests.chaos.run import QUIET_SECONDS, RECOVERED_SECONDS, Result, note, recover
from tests.chaos.world import World
from tests.upgrade.old_code import NoHistory, export, find_commit
from tests.upgrade.roll import misunderstandings, sizes_of_logs, two_orders

PER_SECOND = float(os.environ.get("RATE") or 6)
ROOT = PROJECT / ".local" / "upgrade"
SIDE_BY_SIDE_SECONDS = (1.0, 3.0)
# What the tests' own settings put there, and the servers of the tests: this stack has its own.
NOT_OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS", "LOG_LEVEL", "PAYMENT_PROFILES")


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.invariant("INV-1")
@pytest.mark.invariant("INV-2")
def test_a_release_is_rolled_out_and_back_under_load(tell: Callable[..., None]) -> None:
    commit, code = the_code_of_before()
    result = Result("upgrade", seed=int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6)))
    chance = random.Random(f"{result.seed} upgrade")
    there, back, order = two_orders(chance)
    began_at = time.monotonic()
    with the_world(result.seed, code) as world:
        wishes = WishesUntilTold(make_plan(f"{result.seed} upgrade", 1000, menu(world)))
        load = Load(world.stack.web, world.customers, wishes, per_second=PER_SECOND, staff=world.staff_token)
        load.start()
        logs = sizes_of_logs(world)
        try:
            migrate(world)
            roll(world, there, PROJECT, chance)
            roll(world, back, code, chance)
            result.recovery_seconds = recover(world, load.tally, lambda *_: None)
        finally:
            wishes.stop()
        load.wait(QUIET_SECONDS)
        eventually(lambda: is_quiet(world), QUIET_SECONDS)
        note(result, prove(world, load.tally, after=0), load.tally, repeats=False)
        result.breaks += misunderstandings(logs)
    errors = {status: count for status, count in load.tally.statuses.items() if status >= 500}
    result.breaks += [f"{count} answers {status}" for status, count in errors.items()]
    if result.recovery_seconds > RECOVERED_SECONDS:
        result.breaks.append(f"recovery took {result.recovery_seconds:.0f} s")
    result.ok = not result.breaks and result.payments > 0
    result.seconds = time.monotonic() - began_at
    result.extra = {"from": commit, "order": order, "broken_connections": load.tally.broken}

    tell(**result.as_json())
    assert result.breaks == []
    assert result.ok


def test_without_a_release_of_before_it_fails_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPGRADE_FROM", "no-such-release")

    with pytest.raises(pytest.fail.Exception, match="No release of before to upgrade from: git rev-parse: "):
        the_code_of_before()


def the_code_of_before() -> tuple[str, Path]:
    try:
        commit = find_commit()
        return commit, export(commit)
    except NoHistory as reason:
        # Nothing was proved then: a clone with its history, or UPGRADE_FROM, is needed.
        pytest.fail(f"No release of before to upgrade from: {reason}", pytrace=False)


def the_world(seed: int, code: Path) -> World:
    """Started by the old code; the sandbox and those who receive messages are of no release."""
    environ = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    shutil.rmtree(ROOT, ignore_errors=True)
    world = World(seed, root=ROOT, environ=environ)
    world.stack.code = code
    return world


def menu(world: World) -> list[dict[str, object]]:
    return list(requests.get(f"{world.stack.web}/api/products/", timeout=30).json())


def migrate(world: World) -> None:
    """With the new code, while the old one runs."""
    time.sleep(SIDE_BY_SIDE_SECONDS[1])
    migrated = world.stack.manage("migrate", "--noinput")
    assert migrated.returncode == 0, migrated.stdout
    time.sleep(SIDE_BY_SIDE_SECONDS[1])


def roll(world: World, order: list[str], code: Path, chance: random.Random) -> None:
    """Each process gets SIGTERM, ends what it has, and is started again with this code."""
    for role in order:
        world.stack.restart(role, code)
        time.sleep(chance.uniform(*SIDE_BY_SIDE_SECONDS))
