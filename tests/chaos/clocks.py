"""The wall clocks of a stack's processes, which jump together when told."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from choptym.local.role import Role
from choptym.local.roles import WEB_PROCESSES
from tests.chaos.patience import eventually

JUMPED_WITHIN_SECONDS = 20


class Clocks:
    """The wall clocks of all processes of ours but Flower and the stream."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._processes = 0

    def started_as(self, role: Role) -> Role:
        if role.name == "web":
            self._processes += WEB_PROCESSES
            command = tuple(word.replace("choptym.wsgi", "tests.chaos.jumping_web") for word in role.command)
            return replace(role, command=command, environment={**role.environment, "JUMPING_CLOCK": str(self._file)})
        if role.name.startswith("worker") or role.name == "beat":
            self._processes += 1
            python, dash_m, module, *arguments = role.command
            jumping = ("tests.chaos.jumping_clock", str(self._file), "--", module)
            return replace(role, command=(python, dash_m, *jumping, *arguments))
        return role

    @contextmanager
    def ahead_by(self, seconds: int) -> Iterator[None]:
        self._say(seconds)
        try:
            if not eventually(lambda: self._have_jumped(str(seconds)), JUMPED_WITHIN_SECONDS):
                raise AssertionError(f"not every clock jumped by {seconds} s")
            yield
        finally:
            self._say(0)

    def _say(self, seconds: int) -> None:
        whole = self._file.with_suffix(".new")
        whole.write_text(str(seconds))
        whole.replace(self._file)

    def _have_jumped(self, to: str) -> bool:
        jumped = [one for one in self._file.parent.glob(f"{self._file.name}.[0-9]*") if one.read_text() == to]
        return len(jumped) >= self._processes
