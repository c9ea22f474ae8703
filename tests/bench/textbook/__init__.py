"""The same service as a tutorial would write it, to be held against ours: one Celery task and one statement per row.

Kept honest: every look-up has its index, locks are taken in one order, connections are kept, the workers are prefork
with late acknowledgement, and nothing is done that need not be.
"""
