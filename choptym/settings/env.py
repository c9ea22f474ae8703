"""Typed readers of the environment. Nothing raises here: problems are collected and told all at once at the end."""

import atexit
import os
import re
import sys
from collections.abc import Collection
from decimal import Decimal, InvalidOperation
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from urllib.parse import urlsplit

from choptym.lib.masking import keep_password, keep_secret

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}

_MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"

problems: list[str] = []


def problem(text: str) -> None:
    """Note something that must stop the start."""
    if text not in problems:
        problems.append(text)


def text(name: str, default: str | None = None) -> str:
    """The value of `name`. Without a default the variable is required."""
    value = os.environ.get(name, "").strip()
    if value:
        return value
    if default is None:
        problem(f"{name} is not set")
        return ""
    return default


def is_given(name: str) -> bool:
    """Whether somebody has set this variable; blank is as good as not set."""
    return bool(os.environ.get(name, "").strip())


def secret(name: str, default: str | None = None) -> str:
    """Like text(), or the content of the file that NAME_FILE names."""
    value = _read_secret(name, default)
    keep_secret(value)
    return value


def _read_secret(name: str, default: str | None) -> str:
    path = os.environ.get(f"{name}_FILE", "").strip()
    if not path:
        return text(name, default)
    if os.environ.get(name, "").strip():
        problem(f"{name} and {name}_FILE are both set: choose one")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        problem(f"{name}_FILE={path!r} cannot be read: {error}")
        return ""


def integer(name: str, default: int | None = None, *, minimum: int | None = None, maximum: int | None = None) -> int:
    """A whole number within its bounds."""
    value = text(name, "" if default is None else str(default))
    try:
        number = int(value)
    except ValueError:
        problem(f"{name}={value!r} is not a whole number" if value else f"{name} is not set")
        return minimum or 0
    if minimum is not None and number < minimum:
        problem(f"{name}={number} is below {minimum}")
    if maximum is not None and number > maximum:
        problem(f"{name}={number} is above {maximum}")
    return number


def decimal(name: str, default: str | None = None, *, minimum: Decimal | None = None) -> Decimal:
    """A decimal number."""
    value = text(name, default)
    try:
        number = Decimal(value)
    except InvalidOperation:
        if value:
            problem(f"{name}={value!r} is not a number")
        return Decimal(0)
    if not number.is_finite() or (minimum is not None and number < minimum):
        problem(f"{name}={value} is below {minimum}" if number.is_finite() else f"{name}={value} is not finite")
    return number


def flag(name: str, *, default: bool) -> bool:
    """True or false, in the usual spellings."""
    value = os.environ.get(name, "").strip().lower()
    if name not in os.environ or not value:
        return default
    if value not in _TRUE | _FALSE:
        problem(f"{name}={value!r} is neither true nor false")
    return value in _TRUE


def rate(name: str, default: str) -> str:
    """So many within a period: 30/min, or per s, hour, day."""
    value = text(name, default)
    if not re.fullmatch(r"[1-9][0-9]{0,8}/(s|sec|second|m|min|minute|h|hour|d|day)", value):
        problem(f"{name}={value!r} is no rate, such as 30/min")
        return default
    return value


def url(name: str, default: str | None = None, *, schemes: tuple[str, ...] = ("http", "https")) -> str:
    """An address without a slash at its end, or from NAME_FILE: it may hold a password. A strange scheme is wrong."""
    value = _read_secret(name, default).rstrip("/")
    keep_password(value)
    if value:
        parts = urlsplit(value)
        if parts.scheme not in schemes:
            problem(f"{name}={redacted(value)!r} must begin with one of {', '.join(s + '://' for s in schemes)}")
    return value


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def refuse_others(prefix: str, known: Collection[str]) -> None:
    """A variable of a family that nobody reads is misspelt."""
    for name in sorted(os.environ):
        if name.startswith(prefix) and name.removeprefix(prefix) not in known:
            problem(f"{name} is unknown; there are {', '.join(prefix + end for end in sorted(known))}")


def redacted(address: str) -> str:
    """An address without its password: for error messages and logs. It may be misspelt, and no address at all."""
    before, at, host = address.rpartition("@")
    scheme = before.partition("://")[0] + "://" if "://" in before else ""
    return f"{scheme}***@{host}" if at else address


def make_metrics_directory(path: str) -> None:
    """Make what PROMETHEUS_MULTIPROC_DIR names. Its library reads that variable by itself, a blank one too.

    Blank, it is taken away; or, where the library is loaded and has believed it (as `celery` does before anything of
    ours), a directory is made for this process alone.
    """
    try:
        if path:
            Path(path).mkdir(parents=True, exist_ok=True)
        elif _MULTIPROCESS in os.environ and "prometheus_client" in sys.modules:
            os.environ[_MULTIPROCESS] = directory = mkdtemp(prefix="choptym-metrics-")
            atexit.register(rmtree, directory, ignore_errors=True)
        else:
            os.environ.pop(_MULTIPROCESS, None)
    except OSError as error:
        problem(f"{_MULTIPROCESS}={path!r} cannot be used: {error}")
