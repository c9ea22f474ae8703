"""Steering: what people order and what the control loop decides. What holds of it: payments/in_force.py.

stop.py, drain.py, resume.py, set_limits.py     one verb each: the row, and its line in the audit log
write.py                                        what these verbs have in common
pin_profile.py                                  a person chooses the profile, or lets clock and load choose again
loop.py                                         looks every two seconds at queue and gateways, and writes what
decide.py                                       makes of it: what was seen in, what shall hold out
standing.py, screen.py                          how the queue stands, and how a terminal shows it
metric.py, figures.py                           modes, limits and the profile, as metrics
"""
