"""The tally of ended payments: written by triggers, folded by beat, read in one statement.

a payment ends                     its transaction leaves a step (migration 0020)
payments.tally.fold.fold_tally     steps become part of the totals, a few at a time
payments.tally.read.read_counts    totals, steps and what waits, at one moment: exact, however far folding has come
"""
