"""See how the queue stands; stop, drain or resume it, or set its limits: of one gateway or of all, within 2 seconds.

Also: choose the profile, and clean up what is completed.
"""

import json
import re
import time
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from choptym.audit.record import REASON_LENGTH
from choptym.lib import clock
from choptym.lib.errors import Rejected
from payments import in_force
from payments.housekeeping.clear import clear_completed
from payments.models import ALL, QueueMode
from payments.profiles import NAMES
from payments.steering.drain import drain_queue
from payments.steering.pin_profile import AUTO, pin_profile
from payments.steering.resume import resume_queue
from payments.steering.screen import lines
from payments.steering.set_limits import set_limits
from payments.steering.standing import as_json, read_queue
from payments.steering.stop import stop_queue
from payments.steering.write import ALL_WORD, LONGEST, Steered, name_of

PERMISSION = "payments.steer_queue"
WATCH_SECONDS = 1.0
# To the upper left corner, and nothing below.
_REDRAW = "\x1b[H\x1b[J"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
        status = acts.add_parser("status", help="Per gateway: mode, what waits, what is in flight, limits, circuits.")
        status.add_argument("--watch", action="store_true", help="Again every second, until Ctrl-C.")
        status.add_argument("--times", type=int, help="With --watch: so many times and no more.")
        status.add_argument("--json", action="store_true", help="One JSON object (with --watch one a line).")
        for name, text in (
            ("stop", "Nothing leaves for the gateway, not even a question."),
            ("drain", "Nothing new is sent; what the gateway has is followed to its end."),
        ):
            held = _add_act(acts, name, text)
            end = held.add_mutually_exclusive_group()
            end.add_argument(
                "--for", type=_duration, dest="lasts", metavar="30m", help="How long: 90s, 30m, 1h30m, 2d."
            )
            end.add_argument("--until", type=_moment, metavar="TIME", help="Such as 2026-11-05T14:00 or 14:00 (today).")
        _add_act(acts, "resume", "It runs again. Limits that were set stay.")
        limits = _add_act(acts, "set", "A person's limits in place of those of the settings and of the control loop.")
        limits.add_argument("--concurrency", type=int, metavar="N", help="Calls in flight.")
        limits.add_argument("--rate", type=int, metavar="N", help="Calls a second; of one gateway only.")
        limits.add_argument("--none", action="store_true", help="Take both back: the settings hold again.")
        profile = _add_reason(acts, "profile", "A profile, until somebody says otherwise; auto: by clock and load.")
        profile.add_argument("name", choices=[*NAMES, AUTO])
        _add_reason(acts, "clear-completed", "Clean up what is completed and past its retention, now.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["act"] == "status":
            self._show(options)
            return
        try:
            if options["act"] == "profile":
                self._choose_profile(options)
            elif options["act"] == "clear-completed":
                self._clear(options)
            else:
                self._tell(_steer(options))
        except Rejected as error:
            raise CommandError(error.message) from None

    def _tell(self, done: Steered) -> None:
        self.stdout.write(f"{name_of(done.control.gateway)}: {self._painted(done.mode.value, done.mode)}")
        if done.note:
            self.stdout.write(self.style.WARNING(done.note))

    def _choose_profile(self, options: dict[str, Any]) -> None:
        held = pin_profile(options["name"], **_who(options))
        now = in_force.current()
        figures = f"{now.max_concurrent} charges at once, batches of {now.batch_size}, {now.attempts} attempts"
        self.stdout.write(f"The profile is {held}: {figures}.")
        if settings.PAYMENT_PROFILES and settings.PAYMENT_FIGURES_GIVEN:
            given = ", ".join(sorted(settings.PAYMENT_FIGURES_GIVEN))
            self.stdout.write(self.style.WARNING(f"Set in the environment, which goes before it: {given}."))
        if not settings.PAYMENT_PROFILES:
            self.stdout.write(self.style.WARNING("PAYMENT_PROFILES is off: the figures are those of the settings."))

    def _clear(self, options: dict[str, Any]) -> None:
        """Tells of every step: a large clean-up takes minutes."""
        counts = clear_completed(say=self.stdout.write, **_who(options))
        self.stdout.write("Cleaned up: " + ", ".join(f"{kind} {count:,}" for kind, count in counts.items()))

    def _show(self, options: dict[str, Any]) -> None:
        times = options["times"] if options["watch"] else 1
        if times is not None and times < 1:
            raise CommandError("--times must be 1 or more")
        redraws = options["watch"] and not options["json"] and self.stdout.isatty()
        shown = 0
        try:
            while True:
                began = time.monotonic()
                self._show_once(is_json=options["json"], begins_with=_REDRAW if redraws else "")
                shown += 1
                if shown == times:
                    return
                time.sleep(max(0.0, began + WATCH_SECONDS - time.monotonic()))
        except KeyboardInterrupt:
            return

    def _show_once(self, *, is_json: bool, begins_with: str) -> None:
        queue = read_queue()
        if is_json:
            text = json.dumps(as_json(queue), cls=DjangoJSONEncoder)
        else:
            text = begins_with + "\n".join(lines(queue, self._painted))
        self.stdout.write(text)
        self.stdout.flush()

    def _painted(self, text: str, mode: QueueMode) -> str:
        paint = {
            QueueMode.RUN: self.style.SUCCESS,
            QueueMode.DRAIN: self.style.WARNING,
            QueueMode.STOP: self.style.ERROR,
        }
        return str(paint[mode](text))


def _add_act(acts: Any, name: str, text: str) -> ArgumentParser:
    act = _add_reason(acts, name, text)
    act.add_argument("--gateway", default=ALL, metavar="NAME", help=f"A gateway, or wallet; by default {ALL_WORD}.")
    return act


def _add_reason(acts: Any, name: str, text: str) -> ArgumentParser:
    act: ArgumentParser = acts.add_parser(name, help=text, description=text)
    act.add_argument("--reason", required=True, help="Kept in the audit log.")
    act.add_argument("--by", metavar="USERNAME", help="Who answers for it; by default the only superuser.")
    return act


def _steer(options: dict[str, Any]) -> Steered:
    """Raises Rejected, CommandError."""
    verbs = {"stop": stop_queue, "drain": drain_queue}
    who = _who(options)
    if options["act"] == "set":
        return set_limits(options["gateway"], _limits(options), **who)
    if options["act"] == "resume":
        return resume_queue(options["gateway"], **who)
    until = clock.now() + options["lasts"] if options["lasts"] is not None else options["until"]
    act = partial(verbs[options["act"]], options["gateway"])
    return act(until=until, **who)


def _who(options: dict[str, Any]) -> dict[str, Any]:
    """As every verb takes it."""
    for name in ("by", "reason"):
        if not (options[name] or "").isprintable():
            raise CommandError(f"--{name} must be text in UTF-8, in one line")
    if len(options["reason"]) > REASON_LENGTH:
        raise CommandError(f"--reason must have {REASON_LENGTH} characters at most")
    return {"actor_id": _actor(options["by"]).pk, "reason": options["reason"]}


def _limits(options: dict[str, Any]) -> dict[str, int | None]:
    given = {"max_concurrent": options["concurrency"], "rate_per_second": options["rate"]}
    named = {column: value for column, value in given.items() if value is not None}
    if options["none"] and named:
        raise CommandError("either --none, or --concurrency and --rate")
    if not options["none"] and not named:
        raise CommandError("say what to set: --concurrency N, --rate N, or --none")
    return dict.fromkeys(given) if options["none"] else dict(named)


def _actor(name: str | None) -> User:
    if name is not None:
        user = User.objects.filter(username=name, is_staff=True, is_active=True).first()
        if user is None or not user.has_perm(PERMISSION):
            raise CommandError(f"{name} is no member of staff who may steer the queue")
        return user
    superusers = list(User.objects.filter(is_superuser=True, is_active=True)[:2])
    if len(superusers) != 1:
        raise CommandError("say with --by USERNAME who answers for it: there is not exactly one superuser")
    return superusers[0]


def _duration(text: str) -> timedelta:
    parts = re.findall(r"([0-9]{1,6})([smhd])", text)
    lasts = timedelta(seconds=sum(int(number) * _SECONDS[unit] for number, unit in parts))
    if not parts or "".join(number + unit for number, unit in parts) != text or lasts > LONGEST:
        raise ArgumentTypeError(f"{text!r} is no time such as 90s, 30m, 1h30m or 2d, of a year at most")
    return lasts


def _moment(text: str) -> datetime:
    """In the service's time zone, unless it names another; a time alone is today's."""
    day = "" if len(text) > len("14:00") else f"{timezone.localdate(clock.now()).isoformat()}T"
    try:
        at = datetime.fromisoformat(f"{day}{text}")
        return timezone.make_aware(at) if timezone.is_naive(at) else at
    except (ValueError, OverflowError):
        raise ArgumentTypeError(f"{text!r} is no time such as 2026-11-05T14:00 or 14:00") from None
