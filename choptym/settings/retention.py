"""How long things are kept once they are done (payments/housekeeping). What is open is kept, however old it is."""

from choptym.settings import env

# The answer to an Idempotency-Key.
IDEMPOTENCY_KEPT_FOR_HOURS = env.integer("IDEMPOTENCY_KEPT_FOR_HOURS", 72, minimum=72)
# In their own tables; then in the history. An event that is nobody's is told of for a week first (payments/stuck.py).
EVENTS_KEPT_FOR_DAYS = env.integer("EVENTS_KEPT_FOR_DAYS", 90, minimum=14)
NOTIFICATIONS_KEPT_FOR_DAYS = env.integer("NOTIFICATIONS_KEPT_FOR_DAYS", 180, minimum=14)
# Those that took no money; a try that did is kept for good. Longer than gateways change their mind, and than any list
# of theirs that is still compared.
ATTEMPTS_KEPT_FOR_DAYS = env.integer("ATTEMPTS_KEPT_FOR_DAYS", 400, minimum=60)
# From their end on, with who was told of them.
ALERTS_KEPT_FOR_DAYS = env.integer("ALERTS_KEPT_FOR_DAYS", 180, minimum=1)
# What was said to a gateway and by it in a call, masked; the rest of the try stays.
PAPERS_KEPT_FOR_DAYS = env.integer("PAPERS_KEPT_FOR_DAYS", 90, minimum=7)
# A month of the history goes this many months after its end; 0: never. With HISTORY_DROPPED=false its table is only
# detached, and stays for whoever wants to copy it elsewhere first.
HISTORY_KEPT_FOR_MONTHS = env.integer("HISTORY_KEPT_FOR_MONTHS", 24, minimum=0)
HISTORY_DROPPED = env.flag("HISTORY_DROPPED", default=True)
# Rows of one step of a clean-up: a short transaction of its own.
CLEANUP_STEP_ROWS = env.integer("CLEANUP_STEP_ROWS", 500, minimum=1, maximum=10_000)
