"""Named points at which a process can be made to die: before and after all that cannot be taken back (docs/adr/0032).

Off, which is everywhere but in a local stack that is told FAILPOINTS_DIR, nothing is wrapped and nothing looked up. On,
the first process that passes a point whose name is a file in that directory takes the file away and kills itself.

    committing("settle")                a durable transaction: settle.before, all of it written; settle.after, committed
    @commits("charge.claim")            a function whose one statement commits by itself
    around("publish", task)             whatever else others see: a message, a call
    failpoint("ring", task, "between")  one point; the parts of a name are joined by dots

On, rows that are written outside of these, by themselves or in a transaction without a name, are noted in the file
UNNAMED of that directory: so no boundary is without a name.
"""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.backends.signals import connection_created

P = ParamSpec("P")
R = TypeVar("R")

TAKEN = ".taken"
UNNAMED = "commits-without-a-name"

_PROJECT = Path(__file__).resolve().parents[2]
_WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE)\b|\s*WITH\b.*\b(INSERT INTO|UPDATE|DELETE FROM)\b", re.DOTALL)
_ON = bool(settings.FAILPOINTS_DIR)  # asked once: what is off costs a call, or not even that
_OFF = nullcontext()
_is_named: ContextVar[bool] = ContextVar("is_named", default=False)


def failpoint(*name: str) -> None:
    """Die here, if somebody has asked for it."""
    if _ON:
        _die_if_told(*name)


def around(*name: str) -> AbstractContextManager[None]:
    return _around(*name) if _ON else _OFF


def commits(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    return _commits(name) if _ON else lambda act: act


def committing(name: str) -> AbstractContextManager[None]:
    return _committing(name) if _ON else transaction.atomic(durable=True)


def called(gateway: R) -> R:
    """The same gateway; while failpoints are on, with `call.<verb>` around everything that it is asked."""
    made: Any = _Called(gateway) if _ON else gateway
    return made  # type: ignore[no-any-return]


def _die_if_told(*name: str) -> None:
    wish = Path(settings.FAILPOINTS_DIR, ".".join(name))
    taken = wish.with_name(wish.name + TAKEN)
    try:
        wish.rename(taken)  # of several who pass at once, one
    except FileNotFoundError:
        return
    taken.write_text(f"{settings.PROCESS_ROLE} {os.getpid()}")  # when it was stands on the file
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def _committing(name: str) -> Iterator[None]:
    with transaction.atomic(durable=True):
        transaction.on_commit(lambda: _die_if_told(name, "after"))  # the first of them: nobody was told yet
        with _named():  # not what runs after the commit: that commits by itself
            yield
        _die_if_told(name, "before")


@contextmanager
def _around(*name: str) -> Iterator[None]:
    _die_if_told(*name, "before")
    with _named():
        yield
    _die_if_told(*name, "after")


@contextmanager
def _named() -> Iterator[None]:
    was = _is_named.set(True)
    try:
        yield
    finally:
        _is_named.reset(was)


def _commits(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    def wrap(act: Callable[P, R]) -> Callable[P, R]:
        @wraps(act)
        def pass_both(*args: P.args, **kwargs: P.kwargs) -> R:
            with _around(name):
                return act(*args, **kwargs)

        return pass_both

    return wrap


class _Called:
    def __init__(self, gateway: object) -> None:
        self._gateway = gateway

    def __getattr__(self, verb: str) -> Any:
        value = getattr(self._gateway, verb)
        return _commits(f"call.{verb}")(value) if callable(value) else value


def _note_write(execute: Callable[..., Any], sql: Any, values: Any, many: bool, context: dict[str, Any]) -> Any:
    result = execute(sql, values, many, context)
    if not _is_named.get() and _WRITES.match(str(sql)):
        with Path(settings.FAILPOINTS_DIR, UNNAMED).open("a") as notes:
            notes.write(f"{_who()}\n")
    return result


def _who() -> str:
    """The innermost function of an app: the one to be given a name."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_PROJECT) and path.parent != Path(__file__).parent and "site-packages" not in path.parts:
            return f"{path.relative_to(_PROJECT)}:{frame.f_code.co_name}"
        frame = frame.f_back
    return "unknown"


def _listen(connection: Any, **_: object) -> None:
    if _note_write not in connection.execute_wrappers:
        connection.execute_wrappers.append(_note_write)


if _ON:
    connection_created.connect(_listen)
