"""The capacity model: from what one payment costs, what so many of them a second need, and where this design ends.

figures.json    the one place for figures: what a payment costs, what gateways allow, what was measured to check by
figures.py      reads it
measure.py      measures on a local stack what `make bench` does not tell: log, commits, rows, Redis, a look, a commit
take.py         takes the lines of `make bench`, and of measure.py, into figures.json
world.py        a small discrete-event world: time, places that many want, processes that wait
simulate.py     payments in that world, to be held against what was measured
need.py         what 100, 1,000 and 10,000 payments a second need
tables.py       all of this as Markdown
document.py     writes the tables and the picture into docs

`python -m tests.bench.capacity` prints the tables; `measure`, `take FILE` and `document` do the rest.
"""
