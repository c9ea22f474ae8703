"""Services of compose.yaml as plain processes: their very commands and environments, with addresses of this machine."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from choptym.local.ports import free_port
from tests.architecture.test_environment import EXAMPLE
from tests.deploy.compose import DEPLOY, command_of, environment_of, ours, services, stop_seconds
from tests.deploy.image import health_command

# What stands in deploy/.env: the example, with what one must fill in.
HOST = "pay.choptym.example"
GIVEN = {
    **dict(re.findall(r"^([A-Z][A-Z0-9_]*)=(.*)$", EXAMPLE, re.MULTILINE)),
    "ALLOWED_HOSTS": HOST,
    "PUBLIC_URL": f"https://{HOST}",
}
BINARIES = Path(sys.prefix) / "bin"


@dataclass
class Plain:
    """A service that runs."""

    name: str
    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]
    log: Path
    port: int
    stop_within_seconds: int

    def stop(self, stop_signal: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(stop_signal)

    def ended(self) -> int:
        """Its status. Fails when Docker would have killed it by now."""
        try:
            return self.process.wait(self.stop_within_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop in time: {self.log.read_text()[-3000:]}") from None

    def kill(self) -> None:
        """With its children: a server's workers would outlive it and keep its port."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class Host:
    """Where plain processes run: a tree in place of the image, a folder in place of /run/secrets and the volumes.

    `replaced`: what else stands in commands and environments, and what in its place.
    """

    tree: Path
    folder: Path
    replaced: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=lambda: dict(GIVEN))

    def __post_init__(self) -> None:
        self.secrets = self.folder / "secrets"
        subprocess.run(["sh", DEPLOY / "make-secrets.sh", str(self.secrets)], check=True)
        self.running: list[Plain] = []

    def write_secret(self, name: str, value: str) -> None:
        (self.secrets / name).chmod(0o600)
        (self.secrets / name).write_text(value + "\n")

    def start(self, name: str, **environment: str) -> Plain:
        """A service of ours by its name in compose.yaml."""
        service, port = ours()[name], free_port()
        told = {key: self._moved(value, port) for key, value in environment_of(service, self.given).items()}
        file = self.given if service["env_file"] else {}
        told = {**file, **told, "METRICS_PORT": str(free_port()), "PORT": str(port), **environment}
        command = [self._moved(word, port) for word in command_of(service)]
        return self.launch(name, command, told, port=port, stop_within_seconds=stop_seconds(service), cwd=self.tree)

    def start_server(self, name: str, moves: dict[str, str], *, port: int, **environment: str) -> Plain:
        """Another's server by its very command, with a copy of its file in which addresses and folders are others."""
        service = services()[name]
        mounted, inside = next(volume.split(":")[:2] for volume in service["volumes"] if volume.startswith("./"))
        text, words = (DEPLOY / mounted).read_text(), command_of(service)
        for old, new in {"/run/secrets": str(self.secrets), **moves}.items():
            assert old in text or old == "/run/secrets", f"{old} is not in {mounted}"
            text = text.replace(old, new)
            words = [word.replace(old, new) for word in words]
        copy = self.folder / Path(mounted).name
        copy.write_text(text)
        copy.chmod(0o644)
        self.folder.chmod(0o755)
        return self.launch(
            name,
            [word.replace(inside, str(copy)) for word in words],
            {**environment_of(service, self.given), "PATH": os.environ["PATH"], **environment},
            port=port,
            stop_within_seconds=stop_seconds(service),
            # PgBouncer refuses to be root; in its image it is nobody.
            user="nobody" if name == "pgbouncer" and os.getuid() == 0 else None,
        )

    def start_nginx(self, addresses: dict[str, str], *, port: int, health_port: int, **environment: str) -> Plain:
        """`addresses`: of the web and event processes, by their names in compose.yaml. Returns when it answers."""
        temporary = self.folder / "nginx"
        temporary.mkdir()
        temporary.chmod(0o777)
        moves = {
            **{f"server {name}:8000": f"server {address}" for name, address in addresses.items()},
            "listen 8080": f"listen 127.0.0.1:{port}",
            "listen 8081": f"listen 127.0.0.1:{health_port}",
            "/tmp/": f"{temporary}/",  # noqa: S108 - of the container
        }
        nginx = self.start_server("nginx", moves, port=port, **environment)
        until(lambda: _answers(f"http://127.0.0.1:{health_port}/nginx"), nginx)
        return nginx

    def launch(
        self, name: str, command: list[str], environment: Mapping[str, str], *, port: int, **options: Any
    ) -> Plain:
        """Any command, with its output in a file."""
        log = self.folder / f"{name}.log"
        own = {"PATH": f"{BINARIES}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", **environment}
        stop_within_seconds = options.pop("stop_within_seconds")
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, env=own, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, **options
            )
        plain = Plain(name, process, own, log, port, stop_within_seconds)
        self.running.append(plain)
        return plain

    def is_healthy(self, plain: Plain) -> bool:
        """By the HEALTHCHECK of the image."""
        checked = subprocess.run(
            [sys.executable, *health_command()[1:]], cwd=self.tree, env=dict(plain.environment), check=False
        )
        return checked.returncode == 0

    def stop_all(self) -> None:
        for plain in self.running:
            plain.kill()

    def _moved(self, text: str, port: int) -> str:
        moves = {
            "/run/secrets": str(self.secrets),
            "/var/lib/choptym": str(self.folder),
            "0.0.0.0": "127.0.0.1",  # noqa: S104 - it is what is replaced
            "8000": str(port),
            **self.replaced,
        }
        for old, new in moves.items():
            text = text.replace(old, new)
        return text


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def until(check: Callable[[], bool], plain: Plain, *, seconds: float = 200) -> None:
    """Wait until it is as it should be; a process that ends before fails with its log."""
    end = time.monotonic() + seconds
    while not check():
        assert plain.process.poll() is None, f"{plain.name} ended: {plain.log.read_text()[-3000:]}"
        assert time.monotonic() < end, f"{plain.name} is not ready: {plain.log.read_text()[-3000:]}"
        time.sleep(0.2)
