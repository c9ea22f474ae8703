"""Webhooks in any order: whatever of them comes, when, how often, and whoever asks meanwhile, ends in the same state.

    stories.py    what happens to a payment at its gateway, and what must come of it
    plans.py      in which order, how often and with what in between the same events reach us
    crowd.py      many payments with one story, each with a plan of its own, through the real door and verbs
    digest.py     everything that our tables say of a payment, without ids and times

Every payment of a crowd is a real one: charged at the sandbox, its events written and signed there. They take their
steps together, so that our verbs work on full batches: that is why thousands of orders take minutes.
"""
