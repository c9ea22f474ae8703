"""Which queue a message takes when its task alone does not say."""

from collections.abc import Sequence

CHARGE_DUE = "payments.tasks.charge_due"


def by_priority(name: str, args: Sequence[str] | None, *_: object, **__: object) -> dict[str, str] | None:
    """The bell of each priority hangs at a queue of its own, by which it is called."""
    return {"queue": args[0]} if name == CHARGE_DUE and args else None
