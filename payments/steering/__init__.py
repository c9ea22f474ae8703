"""Steering the queue: what people order, and what holds because of it (see payments/in_force.py).

stop.py, drain.py, resume.py, set_limits.py     one verb each: the row, and its line in the audit log
write.py                                        what the verbs have in common
standing.py, screen.py                          how the queue stands, and how a terminal shows it
"""
