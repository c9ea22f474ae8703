"""A process is killed before and after all that cannot be taken back: everything ends as it should within a minute."""

import json
from collections.abc import Callable, Iterator

import pytest

from choptym.local import supervisor
from tests.failpoints.bench import RECOVERED_SECONDS, Bench, environment_of, staffed
from tests.failpoints.cases import CASES, SHORT
from tests.failpoints.points import every_point
from tests.failpoints.run import Run
from tests.live import eventually, running_stack, side_by_side

# Writes that need no name, by whose they are: they move no money and promise nothing to anybody.
NEEDS_NO_NAME = (
    *("payments/alerts/", "payments/canaries.py", "payments/tally/", "payments/housekeeping/", "payments/steering/"),
    *("payments/samples.py", "choptym/local/", "choptym/login.py", "choptym/audit/", "manage.py"),
    *("orders/carts.py", "orders/restock.py", "payments/management/commands/seed_demo.py"),
)
# Before anybody pays.
MIGRATES = ("/migrations/", "payments/management/commands/migrate.py")

pytestmark = [pytest.mark.invariant("INV-1"), pytest.mark.invariant("INV-2"), pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    directory = tmp_path_factory.mktemp("failpoints")
    with pytest.MonkeyPatch.context() as patched:
        # One process dies again and again here and is not at fault: it is not made to wait longer each time.
        patched.setattr(supervisor, "BACKOFF_SECONDS", (0.2, 0.2))
        with (
            running_stack("failpoints", side_by_side, **environment_of(directory)) as live,
            staffed(live, directory) as bench,
        ):
            yield bench


@pytest.fixture(scope="module")
def short_run(bench: Bench) -> Run:
    run = Run(bench, SHORT)
    run.go([case for case in CASES if case.name in SHORT])
    return run


@pytest.fixture(scope="module")
def long_run(bench: Bench, request: pytest.FixtureRequest) -> Run:
    """The cases of those points that were chosen: `-m long -k settle` is about settlement only."""
    chosen = {item.callspec.params.get("point") for item in request.session.items if hasattr(item, "callspec")}
    run = Run(bench)
    run.go([case for case in CASES if chosen & {*case.points}])
    return run


@pytest.mark.parametrize("point", [point for points in SHORT.values() for point in points])
def test_a_process_that_dies_where_money_hangs_on_it_loses_and_doubles_nothing(short_run: Run, point: str) -> None:
    short_run.assert_recovered(point)


def test_after_those_deaths_the_books_agree(short_run: Run, tell: Callable[..., None]) -> None:
    assert_books_agree(short_run, tell)


@pytest.mark.long
@pytest.mark.parametrize("point", every_point())
def test_a_process_that_dies_anywhere_loses_and_doubles_nothing(long_run: Run, point: str) -> None:
    long_run.assert_recovered(point)


@pytest.mark.long
def test_after_all_deaths_the_books_agree(long_run: Run, tell: Callable[..., None]) -> None:
    assert_books_agree(long_run, tell)


def test_nothing_of_the_money_path_commits_without_a_name(short_run: Run) -> None:
    assert unnamed_writes(short_run) == set()


@pytest.mark.long
def test_nothing_of_it_commits_without_a_name_in_any_story(long_run: Run) -> None:
    assert unnamed_writes(long_run) == set()


def unnamed_writes(run: Run) -> set[str]:
    places = run.bench.unnamed_commits()
    free = {place for place in places if place.startswith(NEEDS_NO_NAME) or any(part in place for part in MIGRATES)}
    assert free, "not even a worker that signs on was seen: nobody writes down what is written"
    return places - free


def assert_books_agree(run: Run, tell: Callable[..., None]) -> None:
    live = run.bench.live
    eventually(lambda: _assert_at_rest(run.bench), seconds=RECOVERED_SECONDS)

    proof = live.stack.manage("prove_money", "--json", "--sandbox", live.stack.sandbox)

    result = json.loads(proof.stdout)
    recovered = not run.problems and run.slowest_seconds <= RECOVERED_SECONDS
    tell(
        fault="failpoints",
        payments=live.column("SELECT count(*) FROM payments_payment")[0],
        lost=result["lost"],
        doubled=result["doubled"],
        recovery_seconds=run.slowest_seconds,
        ok=bool(result["ok"] and recovered),
        points=len(run.seconds),
        slowest=max(run.seconds, key=lambda point: run.seconds[point], default=""),
    )
    assert (result["lost"], result["doubled"], result["breaks"]) == (0, 0, [])
    assert proof.returncode == 0, proof.stdout


def _assert_at_rest(bench: Bench) -> None:
    waiting = "SELECT id, state FROM payments_payment WHERE state IN ('QUEUED', 'REQUESTED', 'PENDING')"
    assert bench.live.rows(waiting) == []
    assert bench.live.rows("SELECT id FROM notifications_notification WHERE state = 'WAITING' AND problem = ''") == []
