"""Folding the tally's steps into its totals, so that few are left to be summed by whoever reads."""

import time

from payments.tally.locks import fold_steps

# One statement folds so many: it stays short, whatever has piled up while nobody folded.
STEPS = 2000


def fold_tally(*, seconds: float = 5.0) -> int:
    """Fold what waits, for so long at most; beat comes again. Returns how many steps. Safe to call again, and at once.

    Commits: each bundle of steps.
    """
    end = time.monotonic() + seconds
    folded = 0
    while time.monotonic() < end:
        bundle = fold_steps(STEPS)
        folded += bundle
        if bundle < STEPS:
            break
    return folded
