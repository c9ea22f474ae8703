"""The queue: how it stands at each gateway, the buttons that steer it, and who pressed them when."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.safestring import SafeString

from choptym.audit.forms import ReasonForm
from choptym.audit.models import Act
from choptym.audit.page import ask_before
from choptym.lib.admin import SELECT, TEXT_INPUT, TIME_INPUT, ReadOnlyAdmin, badge, when
from choptym.lib.errors import Rejected
from choptym.lib.tones import BAD, GOOD, WARNING, tone_of
from choptym.lib.who import staff_id_of
from payments.admin.queue_house import choose_profile, clear
from payments.models import ALL, QueueControl
from payments.steering.drain import drain_queue
from payments.steering.resume import resume_queue
from payments.steering.set_limits import LIMITS, set_limits
from payments.steering.standing import Queue, read_queue
from payments.steering.stop import stop_queue
from payments.steering.write import ALL_WORD, Steered, name_of, names

PERMISSION = "payments.steer_queue"
ACTS_SHOWN = 20
_ABOUT = "queue:"


class ResumeForm(ReasonForm):
    """Which gateway, and why."""

    gateway = forms.ChoiceField(widget=SELECT)
    field_order = ["gateway", "until", *LIMITS, "reason"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        gateway = self.fields["gateway"]
        assert isinstance(gateway, forms.ChoiceField)  # noqa: S101
        gateway.choices = [(ALL_WORD, "all gateways, and the wallet"), *((name, name) for name in names())]

    def what(self) -> dict[str, Any]:
        """As the verb takes it."""
        return dict(self.cleaned_data)


class HoldForm(ResumeForm):
    """And until when."""

    until = forms.DateTimeField(
        required=False, widget=TIME_INPUT, help_text="It runs again by itself then. Empty: when somebody resumes it."
    )


class LimitsForm(ResumeForm):
    """And how much it may be asked."""

    max_concurrent = forms.IntegerField(
        required=False, widget=TEXT_INPUT, label="Calls in flight", help_text="Empty: what the settings say."
    )
    rate_per_second = forms.IntegerField(
        required=False,
        widget=TEXT_INPUT,
        label="Calls a second",
        help_text="Of one gateway. Empty: what the settings say.",
    )

    def what(self) -> dict[str, Any]:
        data = dict(self.cleaned_data)
        limits = {column: data.pop(column) for column in LIMITS}
        return {**data, "limits": limits}


@dataclass(frozen=True, slots=True)
class _Button:
    name: str
    verb: Callable[..., Steered]
    form: type[ResumeForm]
    explanation: str
    tone: str


_BUTTONS: Mapping[str, _Button] = {
    "stop": _Button(
        "Stop",
        stop_queue,
        HoldForm,
        "Within two seconds nothing leaves for the gateway any more: no payment, no refund, no question. Checkout goes "
        "on taking orders, which wait. What the gateway tells us is kept, and signed events are booked.",
        BAD,
    ),
    "drain": _Button(
        "Drain",
        drain_queue,
        HoldForm,
        "Within two seconds nothing new is sent: no payment and no refund. What the gateway has already is followed to "
        "its end. Checkout goes on taking orders, which wait.",
        WARNING,
    ),
    "resume": _Button(
        "Resume",
        resume_queue,
        ResumeForm,
        "What waits goes on within seconds. An order for all and one for a gateway are two: each is resumed by itself.",
        GOOD,
    ),
    "set": _Button(
        "Set limits",
        set_limits,
        LimitsForm,
        "In place of the settings and of what the control loop thinks, until they are emptied again.",
        "",
    ),
}


@admin.register(QueueControl)
class QueueControlAdmin(ReadOnlyAdmin[QueueControl]):
    list_display = ("what", "status", "ends", "max_concurrent", "rate_per_second", "reason", "changed_by", "changed")
    list_display_links = None
    list_select_related = ("changed_by",)
    list_before_template = "admin/payments/queue.html"

    def get_urls(self) -> list[Any]:
        act = self.admin_site.admin_view(self.act_view)
        return [
            path("act/<str:act>/", act, name="payments_queue_act"),
            path("profile/", self.admin_site.admin_view(partial(choose_profile, self)), name="payments_queue_profile"),
            path("clear/", self.admin_site.admin_view(partial(clear, self)), name="payments_queue_clear"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        shown = _shown(request) if self.has_view_permission(request) else {}
        return super().changelist_view(request, {"title": "Queue", **(extra_context or {}), **shown})

    def act_view(self, request: HttpRequest, act: str) -> HttpResponse:
        """Ask which gateway and why, then do it."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        if act not in _BUTTONS:
            raise Http404
        button = _BUTTONS[act]
        form = button.form(request.POST or None, initial=_asked_for(request))
        if request.method == "POST" and form.is_valid() and _do(request, button, form):
            return HttpResponseRedirect(reverse("admin:payments_queuecontrol_changelist"))
        return ask_before(
            request,
            self,
            form,
            title=f"{button.name} the queue" if act != "set" else button.name,
            explanation=button.explanation,
            things=[f"{one.gateway}: {one.mode}" for one in read_queue().gateways],
            button=button.name,
        )

    @admin.display(description="of")
    def what(self, row: QueueControl) -> str:
        return name_of(row.gateway)

    @admin.display(description="ordered")
    def status(self, row: QueueControl) -> SafeString:
        return badge(row.mode)

    @admin.display(description="until")
    def ends(self, row: QueueControl) -> str:
        return when(row.until) if row.until else "–"

    @admin.display(description="changed")
    def changed(self, row: QueueControl) -> str:
        return when(row.changed_at)


def _asked_for(request: HttpRequest) -> dict[str, Any]:
    """What the button that leads here is about, and the limits that a person has set there."""
    name = request.GET.get("gateway", ALL_WORD)
    if name not in (ALL_WORD, *names()):
        raise Http404
    return {"gateway": name} | _limits_of(ALL if name == ALL_WORD else name)


def _limits_of(gateway: str) -> dict[str, Any]:
    return QueueControl.objects.filter(gateway=gateway).values(*LIMITS).first() or {}


def _do(request: HttpRequest, button: _Button, form: ResumeForm) -> bool:
    try:
        done = button.verb(**form.what(), actor_id=staff_id_of(request))
    except Rejected as error:
        field = next((name for name in error.fields if name in form.fields), None)
        form.add_error(field, error.message)
        return False
    messages.success(request, f"{name_of(done.control.gateway)}: {button.name.lower()} is ordered; now {done.mode}.")
    if done.note:
        messages.warning(request, done.note)
    return True


def _shown(request: HttpRequest) -> dict[str, Any]:
    may_steer = request.user.has_perm(PERMISSION)
    abouts = [f"{_ABOUT}{name}" for name in (ALL_WORD, *names())]
    acts = Act.objects.filter(about__in=abouts).select_related("actor").order_by("-pk")[:ACTS_SHOWN]
    return {
        "queue": _for_page(read_queue()),
        "buttons": [(act, button.name, button.tone) for act, button in _BUTTONS.items()] if may_steer else [],
        "acts": [(one, one.about.removeprefix(_ABOUT)) for one in acts],
    }


def _for_page(queue: Queue) -> dict[str, Any]:
    rows = [(one, tone_of(one.mode), sum(one.waiting.values())) for one in queue.gateways]
    return {
        "now": queue,
        "tone": tone_of(queue.mode),
        "rows": rows,
        "longest": max(waiting for *_, waiting in rows) or 1,
    }
