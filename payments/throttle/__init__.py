"""Holding back: no gateway is asked more often, or more at a time, than it may be; one that is down is left alone.

    admit.py     a charge asks before it claims its payment: circuit, slots and rate in one step
    gate.py      every request to a gateway passes it, whoever sends it
    breaker.py   bad days: per gateway, and per operator at it
    rate.py      calls per second
    slots.py     calls in flight
    limits.py    how much each gateway may be asked
    figures.py   what the metrics show

All of it lives in Redis, in scripts that run by its clock, so that every process of every machine counts together.
Without Redis nobody is let through: a burst at a gateway would be worse than a delay.
"""
