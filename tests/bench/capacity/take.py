"""Takes the lines of `make bench`, and of measure.py, into figures.json: each line what it knows of."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.bench.capacity.figures import FILE
from tests.bench.crowd_5000_seconds import SETTINGS
from tests.bench.scaling import DISTURBED

# The roles of the local stack, in the words of the document. Whoever is not named is one of the others.
OURS = {
    "web": "web",
    "worker-charge": "charge",
    "worker-high": "charge",
    "worker-confirm": "confirm",
    "worker-notify": "notify",
    "postgres": "postgresql",
    "redis": "redis",
    "flower": "flower",
}
OUTSIDE = ("sandbox", "sink")
# The crowd's gateways (tests/bench/crowd_5000_seconds.py).
CROWD_CALL_SECONDS = [2.0, 5.0]

Line = Mapping[str, Any]


def take(lines: str, file: Path = FILE) -> list[str]:
    """Returns the names of those that were taken. What went wrong is no figure."""
    figures = json.loads(file.read_text())
    taken = []
    for text in lines.splitlines():
        if not text.startswith("{"):
            continue
        line = json.loads(text)
        if line["bench"] in TAKERS and not line["problems"]:
            TAKERS[line["bench"]](figures, line)
            taken.append(line["bench"])
    file.write_text(json.dumps(figures, indent=2) + "\n")
    return taken


def _end_to_end(figures: dict[str, Any], line: Line) -> None:
    pace = line["per_second"]
    cpu = dict.fromkeys([*dict.fromkeys(OURS.values()), "others"], 0.0)
    outside = dict.fromkeys([*OUTSIDE, "load"], 0.0)
    for role, cores in line["cpu"].items():
        (outside if role in OUTSIDE else cpu)[role if role in OUTSIDE else OURS.get(role, "others")] += cores / pace
    outside["load"] = line["load_cpu_seconds"] / line["payments"]
    figures["payment"]["cpu_ms"] = {name: round(1000 * seconds, 2) for name, seconds in cpu.items()}
    figures["payment"]["outside_ms"] = {name: round(1000 * seconds, 2) for name, seconds in outside.items()}
    figures["cores"] = line["cores"]
    figures["measured"]["end_to_end"] |= {
        "payments": line["payments"],
        "per_second": pace,
        "cores": line["cores"],
    }


def _webhook(figures: dict[str, Any], line: Line) -> None:
    figures["payment"]["webhook_ms"] = round(1000 * line["cpu"]["web"] / line["per_second"], 2)


def _crowd(figures: dict[str, Any], line: Line) -> None:
    figures["measured"]["crowd"] = {
        "customers": line["payments"],
        "press_seconds": line["against"]["pressed_within_seconds"],
        "call_seconds": CROWD_CALL_SECONDS,
        "most_in_flight": int(SETTINGS["MAX_CONCURRENT_PAYMENTS"]),
        "look_every_seconds": round(line["settled_p50_seconds"] * line["payments"] / line["looks"], 2),
        "cores": line["cores"],
        "settled_after_seconds": line["value"],
    }


def _scaling(figures: dict[str, Any], line: Line) -> None:
    """Without the points in which others had the cores, and without what its short form leaves out."""
    good = [machines for machines, limit in line["limit"].items() if limit != DISTURBED]
    if good[:1] != ["1"]:
        return
    said = figures["measured"]["scaling"]
    said |= {name: line[name] for name in ("threads_each", "call_seconds", "offered_a_thread", "seconds", "cores")}
    for name in ("limit", "threads_busy", "cores_busy"):
        said[name] = {machines: line[name][machines] for machines in good}
    said["per_second"] = {machines: line["against"]["per_second_by_machines"][machines] for machines in good}
    said["cores_by_process"] = line["cpu"]
    said["settled_per_second"] = line["settled_per_second_by_processes"] or said["settled_per_second"]


def _costs(figures: dict[str, Any], line: Line) -> None:
    for name in ("wal_bytes", "commits", "transactions", "disk_bytes", "redis_commands", "rows"):
        figures["payment"][name] = line[name]
    for name in ("idle", "look_ms", "commit"):
        figures[name] = line[name]


TAKERS: Mapping[str, Callable[[dict[str, Any], Line], None]] = {
    "end_to_end_per_minute": _end_to_end,
    "webhook_vs_textbook": _webhook,
    "crowd_5000_seconds": _crowd,
    "scaling": _scaling,
    "capacity_costs": _costs,
}
