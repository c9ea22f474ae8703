"""What a dialect must know: its calls, its words for states, its errors and its webhooks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from payments.sandbox.books import Entry
from payments.sandbox.calls import Answer, Call, Message
from payments.sandbox.knobs import Knobs
from payments.sandbox.phones import CAMEROON, Numbering

if TYPE_CHECKING:
    from payments.sandbox.gateway import Gateway


@dataclass(frozen=True, slots=True)
class Operation:
    """What a path and method do. `creates`: it may open a transaction, so overrides by phone count for it."""

    run: Callable[[Call], Answer]
    creates: bool = False


Table = Mapping[str, Mapping[str, Operation]]  # path below the gateway's name, "{}" for a part that varies → method


class Dialect(ABC):
    name: ClassVar[str]
    knobs_kind: ClassVar[type[Knobs]] = Knobs
    page_prefix: ClassVar[str] = ""  # below the gateway's name: where its payment links point
    webhook_timeout_seconds: ClassVar[float] = 10
    numbering: ClassVar[Numbering] = CAMEROON

    def __init__(self, gateway: "Gateway") -> None:
        self.gateway = gateway
        self.table = self.operations()
        self._templates = [(template.split("/"), methods) for template, methods in self.table.items()]

    @abstractmethod
    def operations(self) -> Table:
        """All calls of this gateway."""

    @abstractmethod
    def refuse(self, call: Call) -> Answer | None:
        """The answer to a call without valid credentials; None lets it through."""

    @abstractmethod
    def subject(self, call: Call) -> tuple[str, str]:
        """The caller's reference and the national phone of a call that creates; "" where it has none."""

    @abstractmethod
    def error(self, status: int, message: str) -> Answer:
        """An error in this gateway's shape."""

    @abstractmethod
    def new_id(self, key: str) -> str:
        """A transaction id of this gateway, from chance."""

    @abstractmethod
    def webhooks(self, entry: Entry, *, is_forged: bool = False) -> Sequence[Message]:
        """What is sent about a transaction in the state it is in; forged: as someone without our secret would."""

    def announces(self, entry: Entry) -> bool:
        """Whether this gateway tells the merchant about this state."""
        return True

    def fixed_outcome(self, entry: Entry) -> bool | None:
        """Whether this payer always pays (True) or never (False); None leaves it to the knobs."""
        return None

    def open_seconds(self, entry: Entry) -> float | None:
        """How long a new payment link (or order) can be paid; None: for ever."""
        return None

    def patience_seconds(self, entry: Entry) -> float | None:
        """After how long a payer who does not answer counts as a failure; None: never."""
        return None

    def note_try(self, entry: Entry) -> None:  # noqa: B027 — most dialects keep nothing
        """The payer is asked, `entry.tries` says for the how-manieth time; the entry still shows the try before."""

    def intercept(self, entry: Entry) -> bool:
        """The payer approved, or the payout goes. True: no money moves (for now), the dialect has seen to it."""
        return False

    def webhook_retry_seconds(self) -> Sequence[float]:
        """The waits between tries to deliver a webhook; none: each is sent once."""
        return ()

    def repeat(self, call: Call) -> Answer | None:
        """The answer to a call that was made before, by its idempotency key; None: it is new, do it."""
        return None

    def remember(self, call: Call, answer: Answer | None) -> None:  # noqa: B027 — most dialects keep nothing
        """What a call was answered, heard or not; None: nothing was done."""

    def dress(self, call: Call, answer: Answer) -> Answer:
        """The answer with the headers that this gateway adds to all."""
        return answer

    def is_payable(self, entry: Entry) -> bool:
        """Whether the payer may (still) try; the page asks, after looking at the state."""
        return True

    def return_url(self, entry: Entry) -> str:
        """Where the payment page sends the browser, with the query it adds; "" when the merchant gave none."""
        return ""

    def show_money(self, amount_minor: int, currency: str) -> str:
        """An amount as people read it."""
        return f"{amount_minor} {currency}"

    def forget(self) -> None:  # noqa: B027 — most dialects keep nothing
        """Drop what the dialect keeps between calls; the sandbox was reset."""

    def find(self, call: Call) -> Operation | Answer:
        """The operation for a call's path and method; sets the call's argument."""
        methods = self.table.get(call.tail)
        if methods is None:
            methods, call.arguments = self._find_with_arguments(call.tail)
            call.argument = call.arguments[0] if call.arguments else ""
        if methods is None:
            return self.error(404, "Not found")
        return methods.get(call.method) or self.error(405, "Method not allowed")

    def _find_with_arguments(self, tail: str) -> tuple[Mapping[str, Operation] | None, tuple[str, ...]]:
        """The first path of the table that fits, with the parts that vary; none of them may be empty."""
        parts = tail.split("/")
        for template, methods in self._templates:
            if len(template) == len(parts) and all(
                part if wanted == "{}" else part == wanted for part, wanted in zip(parts, template, strict=True)
            ):
                return methods, tuple(part for part, wanted in zip(parts, template, strict=True) if wanted == "{}")
        return None, ()

    def stumbles(self, entry: Entry) -> bool:
        """Whether this read of a transaction fails (knob status_error_rate)."""
        rate = self.gateway.knobs_for(entry).status_error_rate
        return rate > 0 and self.gateway.chance.happens(
            rate, self.gateway.key_for(f"{entry.key}/status"), "status_error"
        )
