"""Who is told when something is wrong, and how often we look."""

import re

import apprise

from choptym.settings import env


def addresses(name: str, text: str) -> list[str]:
    """Apprise addresses out of a list with commas between them; a comma inside an address stays in it."""
    found = [part.strip(" ,\n") for part in re.split(r",\s*(?=[a-zA-Z][\w+.-]*://)", text) if part.strip(" ,\n")]
    for number, address in enumerate(found, 1):
        if not apprise.Apprise().add(address):
            # Not the address itself: most of them hold a password.
            env.problem(f"{name}: address {number} of {len(found)} is not one that Apprise knows")
    return list(dict.fromkeys(found))


ALERT_URLS = addresses("ALERT_URLS", env.secret("ALERT_URLS", ""))
ALERT_CHECK_SECONDS = env.integer("ALERT_CHECK_SECONDS", 30, minimum=1, maximum=3600)

# Each worker is sent a canary this often, and is silent when it leaves one unanswered for so long. A worker that stops
# is found after both together and a period more, which must stay below a minute.
WORKER_CANARY_SECONDS = env.integer("WORKER_CANARY_SECONDS", 10, minimum=1, maximum=600)
WORKER_SILENT_AFTER_SECONDS = env.integer("WORKER_SILENT_AFTER_SECONDS", 35, minimum=1, maximum=3600)
WORKER_FORGOTTEN_AFTER_SECONDS = env.integer("WORKER_FORGOTTEN_AFTER_SECONDS", 3600, minimum=60)

__all__ = [
    "ALERT_CHECK_SECONDS",
    "ALERT_URLS",
    "WORKER_CANARY_SECONDS",
    "WORKER_FORGOTTEN_AFTER_SECONDS",
    "WORKER_SILENT_AFTER_SECONDS",
]
