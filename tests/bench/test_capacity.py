"""The capacity model agrees with what was measured, and docs/capacity.md with the model."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.capacity import document
from tests.bench.capacity.figures import FILE, Figures
from tests.bench.capacity.need import ends, need
from tests.bench.capacity.points import TOLERANCE, points
from tests.bench.capacity.simulate import Scene, play
from tests.bench.capacity.take import take
from tests.bench.capacity.world import Life, Places, Take, Wait, World
from tests.bench.pace import steady_pace
from tests.bench.scaling import DISTURBED

FIGURES = Figures.read()


def test_the_model_agrees_with_every_point_that_was_measured() -> None:
    apart = {point.name: f"{point.apart:+.0%}" for point in points(FIGURES) if not point.agrees}

    assert apart == {}


def test_a_model_that_drifts_away_is_seen() -> None:
    payment = FIGURES.payment
    dear = {name: cost * (1 + 2 * TOLERANCE) for name, cost in payment.cpu_ms.items()}

    found = points(replace(FIGURES, payment=replace(payment, cpu_ms=dear)))

    assert not found[0].agrees


def test_the_document_says_what_the_figures_say() -> None:
    text = document.DOCUMENT.read_text()

    assert text == document.with_tables(text, FIGURES), "python -m tests.bench.capacity document"


def test_the_picture_is_drawn_from_the_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "PICTURE", tmp_path / "capacity.svg")

    document.draw(FIGURES)

    assert (tmp_path / "capacity.svg").read_text() == (document.DOCUMENT.parent / "capacity.svg").read_text()


def test_who_waits_for_a_place_is_served_in_turn() -> None:
    world = World()
    places, left = Places(world, 1), []

    def life(name: str) -> Life:
        yield Take(places)
        yield Wait(1.0)
        left.append((name, world.now))
        places.give()

    for name in ("first", "second", "third"):
        world.begin(life(name))
    world.run()

    assert left == [("first", 1.0), ("second", 2.0), ("third", 3.0)]


def test_threads_are_the_limit_while_cores_are_idle() -> None:
    scene = Scene(payments=200, per_second=20, cores=64, call_seconds=(1.0, 1.0), threads=12, charge_workers=64)

    pace = steady_pace(list(play(scene, FIGURES).settled.values()))

    calls = [gateway.calls for gateway in FIGURES.gateways.values()]
    assert pace == pytest.approx(12 / (sum(calls) / len(calls)), rel=0.1)


def test_ten_times_the_payments_need_ten_times_the_cores() -> None:
    assert need(1_000, FIGURES).all_cores == pytest.approx(10 * need(100, FIGURES).all_cores)


def test_what_ends_first_comes_first_and_is_a_gateway() -> None:
    found = ends(FIGURES)

    assert [end.rate for end in found] == sorted(end.rate for end in found)
    assert found[0].part in FIGURES.gateways


def test_a_line_of_make_bench_becomes_figures(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    file.write_text(FILE.read_text())
    line = {
        "bench": "end_to_end_per_minute",
        "problems": [],
        "per_second": 80.0,
        "payments": 2000,
        "load_cpu_seconds": 4.0,
        "cpu": {"web": 0.8, "worker-charge": 0.4, "worker-high": 0.08, "sandbox": 0.16, "beat": 0.08},
        "cores": 2,
    }

    taken = take("How fast\n" + json.dumps(line) + "\n", file)

    figures = Figures.read(file)
    assert taken == ["end_to_end_per_minute"]
    assert figures.payment.cpu_ms["web"] == 10.0
    assert figures.payment.cpu_ms["charge"] == 6.0
    assert figures.payment.cpu_ms["others"] == 1.0
    assert figures.payment.outside_ms == {"sandbox": 2.0, "sink": 0.0, "load": 2.0}
    assert figures.measured["end_to_end"]["per_second"] == 80.0


def test_a_point_in_which_others_had_the_cores_is_no_figure(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    file.write_text(FILE.read_text())
    by_machines = {
        "limit": {"1": "threads", "2": DISTURBED},
        "threads_busy": {"1": 0.9, "2": 0.5},
        "cores_busy": {"1": 0.3, "2": 0.4},
        "against": {"per_second_by_machines": {"1": 7.5, "2": 9.0}},
    }
    same = {"threads_each": 12, "call_seconds": 1.0, "offered_a_thread": 0.8, "seconds": 8, "cores": 2, "cpu": {}}

    take(
        json.dumps({"bench": "scaling", "problems": [], "settled_per_second_by_processes": {}} | same | by_machines),
        file,
    )

    scaling = Figures.read(file).measured["scaling"]
    assert scaling["per_second"] == {"1": 7.5}
    assert scaling["settled_per_second"] == FIGURES.measured["scaling"]["settled_per_second"]


def test_a_line_that_tells_of_problems_is_no_figure(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    file.write_text(FILE.read_text())

    assert take(json.dumps({"bench": "scaling", "problems": ["a payment was lost"]}), file) == []
    assert Figures.read(file) == FIGURES
