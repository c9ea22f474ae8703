"""What the demo shows while it runs: bars on a terminal, a line a second elsewhere."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from choptym.local.demo.traffic import Traffic

LOOK_SECONDS = 0.1
LINE_SECONDS = 1.0


def watch(traffic: Traffic, console: Console) -> None:
    """Show the traffic until it is over."""
    show, context = _bars(traffic, console) if console.is_terminal else _lines(traffic, console)
    with context:
        while not traffic.is_over():
            show()
            time.sleep(LOOK_SECONDS)
        show()


def _bars(traffic: Traffic, console: Console) -> tuple[Callable[[], None], AbstractContextManager[object]]:
    columns = (
        TextColumn("{task.description:>10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
    )
    progress = Progress(*columns, TimeElapsedColumn(), console=console)
    bars = {method: progress.add_task(method, total=None, told="") for method in traffic.tally.planned}

    def show() -> None:
        tally = traffic.tally
        for method, bar in bars.items():
            told = f"{tally.settled[method]} settled"
            progress.update(bar, completed=tally.ended[method], total=tally.planned[method], told=told)

    return show, progress


def _lines(traffic: Traffic, console: Console) -> tuple[Callable[[], None], AbstractContextManager[object]]:
    said_at = began_at = time.monotonic()

    def show() -> None:
        nonlocal said_at
        now = time.monotonic()
        if now - said_at < LINE_SECONDS and not traffic.is_over():
            return
        said_at = now
        tally = traffic.tally
        parts = [f"{method} {tally.ended[method]}/{planned}" for method, planned in tally.planned.items()]
        console.print(f"{now - began_at:5.1f} s  {sum(tally.started.values())} started, ended: {', '.join(parts)}")

    return show, nullcontext()
