"""Beat's schedule, by a time that never jumps. Loaded by beat only.

Celery's own goes by the wall clock, and remembers in a file when everything was last run: were the clock put back by an
hour, no sweeper would run for an hour. Ours forgets when it ends: nothing here is due more seldom than every minute.
"""

from copy import copy
from typing import Any

from celery.beat import ScheduleEntry, Scheduler

from choptym.lib import clock
from choptym.lib.timed_celery import time_of_messages


class Tick(ScheduleEntry):
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        assert self.schedule is not None  # noqa: S101 - every entry has one
        self.schedule.nowfun = clock.steady  # type: ignore[attr-defined]  # misspelt in its stubs
        self.last_run_at = named.get("last_run_at") or clock.steady()


class SteadyScheduler(Scheduler):
    Entry = Tick

    def apply_async(self, entry: ScheduleEntry, *args: Any, **named: Any) -> Any:
        """As long as the time is not known a tick lives for ever: who takes it would else take it for an old one."""
        time_of_messages()
        if not clock.is_known():
            entry = copy(entry)
            entry.options = {name: value for name, value in (entry.options or {}).items() if name != "expires"}
        return super().apply_async(entry, *args, **named)
