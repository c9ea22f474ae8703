"""`python -m tests.bench.capacity`: prints the tables.

measure      measures on a stack of its own what `make bench` does not tell, and prints a JSON line
take FILE    takes the JSON lines of `make bench`, and of `measure`, into figures.json
document     writes the tables and the picture into docs
"""

import sys
from pathlib import Path

from tests.bench.capacity import document
from tests.bench.capacity.figures import Figures
from tests.bench.capacity.measure import measure, say_progress
from tests.bench.capacity.tables import TABLES
from tests.bench.capacity.take import take


def main(words: list[str]) -> int:
    match words:
        case []:
            figures = Figures.read()
            for name, table in TABLES.items():
                sys.stdout.write(f"{name}: {table.__doc__}\n\n{table(figures)}\n\n")
        case ["measure"]:
            sys.stdout.write(f"{measure(say_progress)}\n")
        case ["take", file]:
            sys.stdout.write(f"taken: {', '.join(take(Path(file).read_text())) or 'nothing'}\n")
        case ["document"]:
            document.write(Figures.read())
        case _:
            sys.stderr.write(str(__doc__))
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
