"""The machine: Hypothesis mixes everything that can happen to payments, and the promises must hold after each step.

world.py does what happens (customers, workers, time), gateways.py what payers and gateways do, picture.py reads all
rows of the running example, truths.py says what must be true of them, machine.py says which things can happen when.
Nothing of ours is replaced: requests go through the real doors, rows are committed in PostgreSQL, messages wait in
Redis, the gateways are the sandbox over HTTP. But nothing happens by itself: no worker runs, no payer decides, no
webhook arrives and no time passes unless the machine says so.
"""
