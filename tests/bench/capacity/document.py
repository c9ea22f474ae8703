"""docs/capacity.md with its tables as figures.json says them, and its picture."""

import re

from choptym.local.role import PROJECT
from tests.bench.capacity.figures import Figures
from tests.bench.capacity.points import points
from tests.bench.capacity.tables import TABLES
from tests.bench.pictures import Curve, draw_curves

DOCUMENT = PROJECT / "docs" / "capacity.md"
PICTURE = PROJECT / "docs" / "capacity.svg"
_PLACE = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end of table -->)", re.DOTALL)


def write(figures: Figures) -> None:
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text(), figures), encoding="utf-8")
    draw(figures)


def with_tables(text: str, figures: Figures) -> str:
    """This text with each table in its place."""
    return _PLACE.sub(lambda found: f"{found[1]}\n{TABLES[found[2]](figures)}\n\n{found[4]}", text)


def draw(figures: Figures) -> None:
    """Payments a second over machines: measured, as the model has it, and as a straight line would go."""
    curve = [point for point in points(figures) if "machine" in point.name]
    machines = [float(point.name.split()[0]) for point in curve]
    draw_curves(
        str(PICTURE),  # a whole path, so it does not lie with the pictures of a run
        "Payments a second, over machines of gateway workers on the same two cores",
        machines,
        [
            Curve("measured", [point.measured for point in curve]),
            Curve("computed", [point.computed for point in curve]),
            Curve("straight", [curve[0].measured * count for count in machines]),
        ],
    )
