"""Workers and beat look for garbage among what is new. Celery loads this in them, and nowhere else."""

from celery import signals

from choptym.lib.garbage import spare_what_is_loaded


@signals.worker_ready.connect
@signals.beat_init.connect
def begin(**_: object) -> None:
    spare_what_is_loaded()
