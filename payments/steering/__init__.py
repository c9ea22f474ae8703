"""Steering: what people order and what the control loop decides. What holds of it: payments/in_force.py.

loop.py          looks every two seconds at queue and gateways, and writes what decide.py makes of it
decide.py        the rules: what was seen in, what shall hold out
pin_profile.py   a person chooses the profile, or lets clock and load choose again
figures.py       the limits and the profile, as metrics
"""
