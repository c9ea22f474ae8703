"""Tables that grow: what is done with is moved or deleted when it is old, in small steps (docs/adr/0030).

    kept.py      what is kept how long, as a table
    step.py      one step of a clean-up: a short transaction
    tidy.py      verb    clean up by the clock, as far as the time allows
    clear.py     verb    clean up now, because a person says so
    months.py    verb    make the months of the history ahead, and take away those that are past their retention
    jobs.py      what runs by the clock, once for each slot of time

Payments, orders, entries and the acts of staff are never deleted, nor is a try that took money.
"""
