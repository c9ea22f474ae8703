"""`python -m choptym.local up` and `… demo`: what `make up` and `make demo` run."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from rich.console import Console
from rich.markup import escape

from choptym.local.demo.run import read_payments, run_demo
from choptym.local.environment import PASSWORD
from choptym.local.errors import StackError
from choptym.local.given_servers import given_address, hide_password
from choptym.local.launch import die_with_parent
from choptym.local.stack import Stack

INTERRUPTED = 130
STAYING = "Running. [bold]Ctrl-C[/] stops everything."
EVENTS_PATH = "/api/payments/{id}/events/"
FLOWER_SHOWS = "/broker, /workers, and the /tasks of charge and confirm"
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m choptym.local", description="The whole service on this machine.")
    parser.add_argument("command", choices=("up", "demo"), help="up: start and stay; demo: with traffic and a proof")
    command = parser.parse_args().command
    for number in STOPS:
        signal.signal(number, _interrupt)
    _follow_make()
    console = Console(highlight=False, soft_wrap=True)
    try:
        return _up(console) if command == "up" else _demo(console)
    except StackError as error:
        console.print(f"[bold red]{escape(str(error))}[/]")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _up(console: Console) -> int:
    with _running_stack(console):
        console.print(STAYING)
        _stay()
    return 0


def _demo(console: Console) -> int:
    payments = read_payments()
    stays = console.is_terminal and os.environ.get("STAY") != "0"
    with _running_stack(console) as stack:
        outcome = run_demo(stack, payments, console)
        if stays:
            outcome.print_summary()
            _print_rows(_places_to_look(stack)[:2], console)
            console.print(STAYING)
            _stay()
    if not stays:  # after the last word about stopping: it is the last line of all
        outcome.print_summary()
    return 0 if outcome.is_good else 1


def _stay() -> None:
    with suppress(KeyboardInterrupt):
        while True:
            time.sleep(3600)


@contextmanager
def _running_stack(console: Console) -> Iterator[Stack]:
    began_at = time.monotonic()

    def say(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - began_at:5.1f} s[/]  {escape(text)}")

    stack = Stack()
    try:
        stack.start(say)
        say("everything is ready")
        _print_addresses(stack, console)
        yield stack
    finally:
        for number in STOPS:  # stopping is bounded; half a stop would leave processes behind
            signal.signal(number, signal.SIG_IGN)
        stack.stop(say)


def _print_addresses(stack: Stack, console: Console) -> None:
    places = _places_to_look(stack)
    places += [
        ("PostgreSQL", _shown("DATABASE_URL", stack.database_url), ""),
        ("Redis", _shown("REDIS_URL", stack.redis_url), ""),
        ("Logs", str(stack.root / "log"), ""),
    ]
    _print_rows(places, console)


def _places_to_look(stack: Stack) -> list[tuple[str, str, str]]:
    """Return name, address and who may enter; the API's documentation and the admin first."""
    staff, customers = f"admin / {PASSWORD}", f"customer1 … customer200 / {PASSWORD}"
    return [
        ("API documentation", f"{stack.web}/api/docs/", customers),
        ("Admin", f"{stack.web}/admin/", staff),
        ("Flower: queues and workers", stack.flower, f"{staff}; {FLOWER_SHOWS}"),
        ("Messages to customers", stack.sink, ""),
        ("Sandbox: the gateways", stack.sandbox, ""),
        ("Event stream", stack.events + EVENTS_PATH, ""),
    ]


def _print_rows(rows: Sequence[tuple[str, str, str]], console: Console) -> None:
    for name, address, remark in rows:
        console.print(f"  [bold]{name:<28}[/]{escape(address)}" + (f"  [dim]({escape(remark)})[/]" if remark else ""))


def _shown(name: str, url: str) -> str:
    """The password of an embedded server is made for you to use; yours is nobody's to print."""
    return hide_password(url) if given_address(os.environ, name) else url


def _follow_make() -> None:
    """When make started us, go when it goes: after `kill -9` of make nobody else would stop us."""
    if "MAKELEVEL" in os.environ:
        die_with_parent(os.getppid(), signal.SIGTERM)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
