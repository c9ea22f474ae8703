"""How the runner sees that a process is ready."""

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import requests

TIMEOUT_SECONDS = 1


def http_answers(url: str) -> Callable[[], bool]:
    """Ready when the address answers anything that is not a server's error."""

    def is_ready() -> bool:
        try:
            return (
                requests.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False).status_code
                < HTTPStatus.INTERNAL_SERVER_ERROR
            )
        except requests.RequestException:
            return False

    return is_ready


def file_exists(path: Path) -> Callable[[], bool]:
    """Ready when the process has made this file; what an earlier one left does not count."""
    path.unlink(missing_ok=True)
    return path.exists
