"""What a process has loaded stays until its end: Python's collector of cycles need not look at it again and again.

It looked for them after each 700 new objects, and now and then through all of Django's: 3 to 6 % of a process's CPU
(docs/performance.md).
"""

import gc

# So many more new objects than were freed are a reason to look: a request of ours makes about a thousand.
LOOK_AFTER = 7_000


def spare_what_is_loaded() -> None:
    """To be called once, when everything is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(LOOK_AFTER)
