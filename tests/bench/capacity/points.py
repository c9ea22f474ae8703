"""Every point that was measured, beside what the model makes of it. They may differ by a fifth."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench.capacity.figures import Figures
from tests.bench.capacity.simulate import Scene, play
from tests.bench.pace import steady_pace

TOLERANCE = 0.2
# Of the local stack's charge worker (choptym/local/roles.py): a quarter more than may be in flight.
MORE_THREADS = 1.25


@dataclass(frozen=True, slots=True)
class Point:
    name: str
    unit: str
    measured: float
    computed: float

    @property
    def apart(self) -> float:
        """0.1: the model is a tenth above what was measured."""
        return self.computed / self.measured - 1

    @property
    def agrees(self) -> bool:
        return abs(self.apart) <= TOLERANCE


def points(figures: Figures) -> list[Point]:
    return [*_end_to_end(figures), *_crowd(figures), *_scaling(figures)]


def _end_to_end(figures: Figures) -> Iterator[Point]:
    said = figures.measured["end_to_end"]
    scene = Scene(
        payments=said["payments"],
        connections=said["connections"],
        cores=said["cores"],
        call_seconds=(said["call_seconds"], said["call_seconds"]),
        threads=int(said["most_in_flight"] * MORE_THREADS),
        most_in_flight=said["most_in_flight"],
    )
    yield Point("the whole path", "payments a second", said["per_second"], play(scene, figures).per_second)


def _crowd(figures: Figures) -> Iterator[Point]:
    said = figures.measured.get("crowd")
    if not said:
        return
    least, most = said["call_seconds"]
    scene = Scene(
        payments=said["customers"],
        per_second=said["customers"] / said["press_seconds"],
        cores=said["cores"],
        call_seconds=(least, most),
        threads=int(said["most_in_flight"] * MORE_THREADS),
        most_in_flight=said["most_in_flight"],
        look_every_seconds=said["look_every_seconds"],
    )
    computed = max(play(scene, figures).settled.values())
    yield Point(f"a crowd of {said['customers']:,}", "s until all have paid", said["settled_after_seconds"], computed)


def _scaling(figures: Figures) -> Iterator[Point]:
    said = figures.measured["scaling"]
    for machines, measured in said["per_second"].items():
        threads = int(machines) * said["threads_each"]
        offered = said["offered_a_thread"] * threads
        scene = Scene(
            payments=int(offered * said["seconds"]),
            per_second=offered,
            cores=said["cores"],
            call_seconds=(said["call_seconds"], said["call_seconds"]),
            threads=threads,
            charge_workers=int(machines),
        )
        computed = steady_pace(list(play(scene, figures).settled.values()))
        yield Point(f"{machines} machine{'s' * (machines != '1')}", "payments a second", measured, computed)
