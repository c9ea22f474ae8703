"""Breaking everything under load, and proving that nothing was lost and nothing doubled: `make chaos`.

plan.py    who wants what, from the seed            weather.py  how the gateways lie
load.py    customers who pay, come what may         times.py    the waits of life, shortened
world.py   a stack, its tables and its sandbox      faults/     what is broken
run.py     one fault: load, fault, recovery, quiet, proof
proof.py   what must be true in the end             __main__.py all of them, a JSON line each
"""
