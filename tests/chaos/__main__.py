"""`make chaos`: break one thing after the other under load, and print a JSON line for each.

FAULT=name [name …]  only these; FAULT=soak runs for MINUTES=10       SEED=n      the same again
PAYMENTS=n           under at least so many payments each             RATE=n      so many begun in a second
SHORT=1              each fault for a shorter time, as in `make test`
"""

import json
import os
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

from rich.console import Console

from choptym.local.errors import StackError
from choptym.local.role import PROJECT
from tests.chaos.faults import FAULTS
from tests.chaos.picture import draw
from tests.chaos.run import Result, Show, run_fault
from tests.chaos.show import Shower, print_table
from tests.chaos.soak import soak
from tests.chaos.suites import SUITES, run_suite
from tests.chaos.times import SHORT, WHOLE, Form
from tests.chaos.world import World

SOAK = "soak"
PICTURE = PROJECT / ".local" / "chaos.svg"
# One sandbox keeps its books in memory: after so many payments a fresh stack is started.
FRESH_AFTER = 10_000
# A second, what two cores bear for as long as one likes: a little above, those who wait keep those who come waiting.
STEADY = 15


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the environment asks for."""

    names: list[str]
    payments: int
    per_second: float
    minutes: float
    seed: int
    form: Form


def main() -> int:
    console = Console(stderr=True, highlight=False)
    try:
        wanted = read_wanted(os.environ)
    except StackError as error:
        console.print(f"[bold red]{error}[/]", soft_wrap=True)
        return 2
    console.print(f"seed {wanted.seed}: the same again with SEED={wanted.seed}")
    results = _run_all(wanted, console)
    print_table(results, console)
    _draw(results, console)
    return 0 if all(result.ok for result in results) else 1


def _draw(results: Sequence[Result], console: Console) -> None:
    timelines = [result.timeline for result in results if result.timeline is not None]
    if timelines:
        draw(timelines, PICTURE)
        console.print(f"as a picture: {PICTURE}")


def read_wanted(environ: Mapping[str, str]) -> Wanted:
    """Raises StackError for a fault that there is not, or a number that is none."""
    known = [*FAULTS, SOAK, *SUITES]
    is_short = environ.get("SHORT", "").strip() not in {"", "0"}
    # The suites have their short form in `make test`.
    names = environ.get("FAULT", "").replace(",", " ").split() or [
        name for name in known if name not in SUITES or not is_short
    ]
    if unknown := [name for name in names if name not in known]:
        raise StackError(f"There is no fault {', '.join(unknown)}. There are: {', '.join(known)}.")
    return Wanted(
        names=names,
        payments=int(_number(environ, "PAYMENTS", 60 if is_short else 600, least=1)),
        per_second=_number(environ, "RATE", 10 if is_short else STEADY),
        minutes=_number(environ, "MINUTES", 1 if is_short else 10),
        seed=int(_number(environ, "SEED", random.SystemRandom().randrange(10**6), least=0)),
        form=SHORT if is_short else WHOLE,
    )


def _number(environ: Mapping[str, str], name: str, otherwise: float, *, least: float = 0.1) -> float:
    said = environ.get(name, "").strip()
    try:
        number = float(said) if said else float(otherwise)
    except ValueError:
        number = least - 1
    if not least <= number < float("inf"):
        raise StackError(f"{name}={said} must be a number of at least {least:g}.")
    return number


def _run_all(wanted: Wanted, console: Console) -> list[Result]:
    """The faults and the soak, one after the other on a stack; then the suites, each with its own."""
    results: list[Result] = []
    waiting = [name for name in wanted.names if name not in SUITES]
    while waiting:
        made = 0
        with World(wanted.seed, form=wanted.form) as world:
            while waiting and made < FRESH_AFTER:
                result = _run(world, waiting.pop(0), wanted, console)
                results.append(result)
                made += result.payments
                if not result.ok:
                    break  # what it left behind is not the next one's
    for name in wanted.names:
        if name in SUITES:
            results += _run_suite(name, wanted.seed)
    return results


def _run(world: World, name: str, wanted: Wanted, console: Console) -> Result:
    shower = Shower(name, console)
    try:
        result = _runner(name, wanted)(world, shower)
    except Exception as error:  # noqa: BLE001 - the others are to be tried all the same
        console.print_exception()
        result = Result(name, seed=world.seed, breaks=[f"{type(error).__name__}: {error}"])
    _tell(json.dumps(result.as_json()))
    return result


def _tell(line: str) -> None:
    """For programs."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _runner(name: str, wanted: Wanted) -> Callable[[World, Show], Result]:
    if name == SOAK:
        return lambda world, show: soak(world, minutes=wanted.minutes, per_second=wanted.per_second, show=show)
    fault = FAULTS[name]
    if fault.needs and not owns(fault.needs):
        return lambda world, _: Result(name, seed=world.seed, ok=True, extra={"skipped": f"{fault.needs} is not ours"})
    return lambda world, show: run_fault(
        world, fault, payments=wanted.payments, per_second=wanted.per_second, show=show
    )


def owns(server: str) -> bool:
    """Whether the stack starts this server itself: nobody else's is broken."""
    return not os.environ.get({"postgres": "DATABASE_URL", "redis": "REDIS_URL"}[server], "").strip()


def _run_suite(name: str, seed: int) -> Sequence[Result]:
    told = []
    for line in run_suite(SUITES[name], seed):
        _tell(line)
        told.append(_as_result(json.loads(line)))
    return told


def _as_result(figures: dict[str, object]) -> Result:
    names = {field.name for field in fields(Result)}
    known = {name: value for name, value in figures.items() if name in names}
    return Result(**{"fault": "", **known})  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(main())
