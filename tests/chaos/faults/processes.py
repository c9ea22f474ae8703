"""Our own processes: killed, told to stop as by a deployment, frozen for longer than a lease, run twice."""

import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from choptym.local import processes
from choptym.local.errors import StackError
from tests.chaos.faults.base import Fault, rest, standing_still, times
from tests.chaos.patience import eventually
from tests.chaos.world import World

BACK_WITHIN_SECONDS = 30
TIMES = 3
CHARGERS = ("worker-charge", "worker-high")


def calm(world: World, chance: random.Random) -> None:
    """Nothing but the weather: what the other faults are held against."""
    rest(world, chance, 5, 8)


def killing(*roles: str) -> Callable[[World, random.Random], None]:
    """`kill -9`, several times, of these together."""

    def kill(world: World, chance: random.Random) -> None:
        for _ in times(world, TIMES):
            rest(world, chance, 0.5, 2.5)
            end(world, roles, signal.SIGKILL)

    return kill


def kill_a_web_child(world: World, chance: random.Random) -> None:
    """One of the processes that really answer; then the one that started them."""
    for _ in times(world, TIMES):
        rest(world, chance, 0.5, 2)
        processes.send(chance.choice(_children_of_web(world)), signal.SIGKILL)
    rest(world, chance, 0.5, 2)
    end(world, ["web"], signal.SIGKILL)


def _children_of_web(world: World) -> list[int]:
    """At least one, within seconds: the server may just be starting them, or be started itself."""
    children: list[int] = []

    def are_there() -> bool:
        main = world.stack.pids.get("web")
        children[:] = sorted(pid for pid in processes.group_members(main) if pid != main) if main else []
        return children != []

    if not eventually(are_there, BACK_WITHIN_SECONDS, every=0.05):
        raise StackError("the web server has no process that answers")
    return children


def kill_all(world: World, _chance: random.Random) -> None:
    """The machine's own bad day: everything of ours at once. Only the servers stay."""
    end(world, ours(world), signal.SIGKILL)


def deploy(world: World, _chance: random.Random) -> None:
    """Every worker is asked to stop at once, and comes back."""
    end(world, [role for role in ours(world) if role.startswith("worker-")], signal.SIGTERM)


def deploy_web(world: World, _chance: random.Random) -> None:
    """The doors and beat are asked to stop, one after the other."""
    for role in ("web", "events", "beat"):
        end(world, [role], signal.SIGTERM)


def freezing(*roles: str) -> Callable[[World, random.Random], None]:
    """Stopped in their tracks for longer than a lease, and then let go on: others have taken over by then."""

    def freeze(world: World, chance: random.Random) -> None:
        with standing_still([world.stack.pids[role] for role in roles]):
            time.sleep(world.form.lease)
            rest(world, chance, 1, 3)

    return freeze


def run_two_beats(world: World, chance: random.Random) -> None:
    """A second beat with a schedule of its own, for a while."""
    with another(world, "beat"):
        rest(world, chance, 10, 14)


@contextmanager
def another(world: World, role: str) -> Iterator[None]:
    """One more process of this role: the very command and environment of the first."""
    home = Path(f"/proc/{world.stack.pids[role]}")
    words = (home / "cmdline").read_bytes().decode().split("\0")[:-1]
    lines = (home / "environ").read_bytes().decode().split("\0")
    environment = dict(line.split("=", 1) for line in lines if "=" in line)
    with (world.stack.root / "log" / f"another-{role}.log").open("ab") as log:
        process = subprocess.Popen(words, env=environment, cwd=(home / "cwd").readlink(), stdout=log, stderr=log)
    try:
        yield
        if process.poll() is not None:
            raise StackError(f"the second {role} ended by itself: {process.returncode}")
    finally:
        process.kill()
        process.wait()


def ours(world: World) -> list[str]:
    """The processes of our code, as they run: neither the servers nor the outside world."""
    return [role for role in world.stack.pids if role not in {"postgres", "redis", "sandbox", "sink", "flower"}]


def end(world: World, roles: Sequence[str], number: signal.Signals) -> None:
    """Send this to all of them at once, and return when each has a successor."""
    before = {role: world.stack.pids[role] for role in roles}
    for pid in before.values():
        processes.send(pid, number)

    def are_back() -> bool:
        now = world.stack.pids
        return all(now.get(role) not in {None, pid} for role, pid in before.items())

    if not eventually(are_back, BACK_WITHIN_SECONDS, every=0.05):
        raise StackError(f"not started again within {BACK_WITHIN_SECONDS} s: {before} → {world.stack.pids}")


FAULTS = (
    Fault("calm", "nothing but the lying gateways", calm),
    Fault("charge_worker_killed", "kill -9 of those who charge", killing(*CHARGERS)),
    Fault(
        "settle_worker_killed", "kill -9 of the worker that matches, confirms and settles", killing("worker-confirm")
    ),
    Fault(
        "notification_worker_killed",
        "kill -9 of the worker that tells customers",
        killing("worker-notify"),
        repeats=True,
    ),
    Fault("maintenance_worker_killed", "kill -9 of the worker that sweeps", killing("worker-maintenance")),
    Fault("beat_killed", "kill -9 of beat", killing("beat")),
    Fault("web_killed", "kill -9 of the web server's children, then of itself", kill_a_web_child),
    Fault("all_killed", "kill -9 of every process of ours at once", kill_all, repeats=True),
    Fault("deploy", "SIGTERM to all workers at once, under load", deploy),
    Fault("deploy_web", "SIGTERM to the web server, the event streams and beat", deploy_web),
    Fault("charge_worker_frozen", "those who charge stand still for longer than their leases", freezing(*CHARGERS)),
    Fault("settle_worker_frozen", "who settles stands still for longer than its leases", freezing("worker-confirm")),
    Fault("two_beats", "a second beat runs beside the first", run_two_beats),
)
