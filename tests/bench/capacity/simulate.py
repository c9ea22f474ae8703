"""Payments in a small world: a queueing model of the whole path, to be held against what was measured.

Each payment goes where a real one goes. At every step some process of ours works on it, and then all that works with it
(PostgreSQL, Redis, Flower, whoever offers the load): each needs a core for as long as the step costs CPU. A process of
ours has one core at most, since Python runs one thread at a time. While a gateway thinks, the payment holds a thread
and one of the calls that may be in flight.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.bench.capacity.figures import Figures
from tests.bench.capacity.world import Life, Places, Take, Wait, World

# Who works on a payment at which step. A webhook comes to the web processes too.
STEPS = {
    "checkout": "web",
    "charge": "charge",
    "webhook": "web",
    "confirm": "confirm",
    "notify": "notify",
}
# What the measured stack runs (choptym/local/roles.py); charge workers are said by the scene.
PROCESSES = {"web": 2, "confirm": 1, "notify": 1}
APPROVAL_SECONDS = 0.1
SEED = 42


@dataclass(frozen=True, slots=True)
class Scene:
    """How many pay, and how they come: `per_second`, or each of `connections` as soon as it has its answer.

    `look_every_seconds`: customers look at their payment until it is settled; 0: they do not.
    """

    payments: int
    cores: float
    call_seconds: tuple[float, float]  # at least, at most
    threads: int
    charge_workers: int = 1
    most_in_flight: int = 1_000_000
    per_second: float = 0.0
    connections: int = 0
    look_every_seconds: float = 0.0


@dataclass(slots=True)
class Outcome:
    """Moments, since the first customer came."""

    settled: dict[int, float] = field(default_factory=dict)
    told: dict[int, float] = field(default_factory=dict)
    looks: int = 0

    @property
    def per_second(self) -> float:
        return len(self.told) / max(self.told.values())


def play(scene: Scene, figures: Figures) -> Outcome:
    """Let all of them pay."""
    return _Play(scene, figures).play()


class _Play:
    def __init__(self, scene: Scene, figures: Figures) -> None:
        self._scene = scene
        self._figures = figures
        self._world = World()
        self._whole_cores = max(1, round(scene.cores))
        self._cores = Places(self._world, self._whole_cores)
        workers = {**PROCESSES, "charge": scene.charge_workers}
        self._processes = {name: Places(self._world, number) for name, number in workers.items()}
        self._threads = Places(self._world, scene.threads)
        self._in_flight = Places(self._world, scene.most_in_flight)
        self._steps = dict(_steps(figures))
        self._chance = random.Random(SEED)
        self._outcome = Outcome()

    def play(self) -> Outcome:
        numbers = iter(range(self._scene.payments))
        if self._scene.connections:
            for _ in range(self._scene.connections):
                self._world.begin(self._connection(numbers))
        else:
            for number in numbers:
                self._world.begin(self._customer(number), at=number / self._scene.per_second)
        self._world.run()
        return self._outcome

    def _connection(self, numbers: Iterator[int]) -> Life:
        for number in numbers:
            yield from self._customer(number)

    def _customer(self, number: int) -> Life:
        yield from self._work("checkout")
        self._world.begin(self._payment(number), at=self._world.now)
        if self._scene.look_every_seconds:
            self._world.begin(self._looks(number), at=self._world.now)

    def _payment(self, number: int) -> Life:
        names = list(self._figures.gateways)
        gateway = self._figures.gateways[names[number % len(names)]]
        yield Take(self._threads)
        yield Take(self._in_flight)
        yield from self._work("charge")
        for _ in range(gateway.calls):
            yield Wait(self._chance.uniform(*self._scene.call_seconds))
        self._in_flight.give()
        self._threads.give()
        yield Wait(APPROVAL_SECONDS)
        yield from self._work("webhook")
        for _ in range(gateway.questions):
            yield Wait(self._chance.uniform(*self._scene.call_seconds))
        yield from self._work("confirm")
        self._outcome.settled[number] = self._world.now
        yield from self._work("notify")
        self._outcome.told[number] = self._world.now

    def _looks(self, number: int) -> Life:
        while number not in self._outcome.settled:
            yield Wait(self._scene.look_every_seconds)
            self._outcome.looks += 1
            yield from self._use("web", self._figures.look_ms["web"])
            yield from self._use("", sum(self._figures.look_ms.values()) - self._figures.look_ms["web"])

    def _work(self, step: str) -> Life:
        own, others = self._steps[step]
        yield from self._use(STEPS[step], own)
        yield from self._use("", others)

    def _use(self, process: str, milliseconds: float) -> Life:
        """A core for so long, and this process, should only one thread of it run at a time."""
        places = [self._processes[process]] if process else []
        for one in (*places, self._cores):
            yield Take(one)
        yield Wait(milliseconds / 1000 * self._whole_cores / self._scene.cores)
        for one in (self._cores, *places):
            one.give()


def _steps(figures: Figures) -> Iterator[tuple[str, tuple[float, float]]]:
    """Milliseconds of CPU of each step: the process's own, and its part of what all others use."""
    payment = figures.payment
    own = {step: payment.cpu_ms[role] for step, role in STEPS.items() if role != "web"}
    own["webhook"] = payment.webhook_ms
    own["checkout"] = payment.cpu_ms["web"] - payment.webhook_ms
    others = payment.all_ms - sum(own.values())
    for step, milliseconds in own.items():
        yield step, (milliseconds, others * milliseconds / sum(own.values()))
