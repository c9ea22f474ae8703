"""deploy/compose.yaml as the tests read it: services with their commands, environments and secrets."""

import re
import shlex
from functools import cache
from typing import Any

import yaml

from tests.architecture.source import PROJECT

DEPLOY = PROJECT / "deploy"
SECONDS = {"s": 1, "m": 60}


@cache
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


def services() -> dict[str, dict[str, Any]]:
    return dict(compose()["services"])


def ours() -> dict[str, dict[str, Any]]:
    """Those that run our image."""
    image = services()["web-1"]["image"]
    return {name: service for name, service in services().items() if service["image"] == image}


def command_of(service: dict[str, Any]) -> list[str]:
    """As a container would run it: `$$` is a dollar of the shell inside."""
    command = service["command"]
    words = shlex.split(command) if isinstance(command, str) else command
    return [word.replace("$$", "$") for word in words]


def environment_of(service: dict[str, Any], given: dict[str, str]) -> dict[str, str]:
    """Its `environment`, with ${NAME…} taken from what stands in deploy/.env."""
    return {name: _interpolated(str(value), given) for name, value in service.get("environment", {}).items()}


def stop_seconds(service: dict[str, Any]) -> int:
    """How long Docker waits after the stop signal before it kills."""
    period = str(service["stop_grace_period"])
    return int(period[:-1]) * SECONDS[period[-1]]


def _interpolated(value: str, given: dict[str, str]) -> str:
    def fill(match: re.Match[str]) -> str:
        found = given.get(match["name"], "") or (match["default"] or "")
        assert found or not match["required"], f"{match['name']} is not given"
        return found

    return re.sub(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*)|:(?P<required>\?[^}]*))?\}", fill, value)
