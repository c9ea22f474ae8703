"""What a dialect must know: its calls, its words for states, its errors and its webhooks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from payments.sandbox.books import Entry
from payments.sandbox.calls import Answer, Call, Message
from payments.sandbox.knobs import Knobs

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
    webhook_retry_seconds: ClassVar[Sequence[float]] = ()  # waits between tries; none: each webhook is sent once

    def __init__(self, gateway: "Gateway") -> None:
        self.gateway = gateway
        self.table = self.operations()

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

    def link_seconds(self, entry: Entry) -> float | None:
        """How long a payment link lives; None: for ever."""
        return None

    def return_url(self, entry: Entry) -> str:
        """Where the payment page sends the browser, with the query it adds; "" when the merchant gave none."""
        return ""

    def forget(self) -> None:  # noqa: B027 — most dialects keep nothing
        """Drop what the dialect keeps between calls; the sandbox was reset."""

    def find(self, call: Call) -> Operation | Answer:
        """The operation for a call's path and method; sets the call's argument."""
        methods = self.table.get(call.tail)
        if methods is None:
            methods, call.argument = self._find_with_argument(call.tail)
        if methods is None:
            return self.error(404, "Not found")
        return methods.get(call.method) or self.error(405, "Method not allowed")

    def _find_with_argument(self, tail: str) -> tuple[Mapping[str, Operation] | None, str]:
        """Try the path with each of its parts taken as the one that varies, the last first."""
        parts = tail.split("/")
        for index in range(len(parts) - 1, 0, -1):
            template = "/".join([*parts[:index], "{}", *parts[index + 1 :]])
            methods = self.table.get(template)
            if methods is not None and parts[index]:
                return methods, parts[index]
        return None, ""

    def stumbles(self, entry: Entry) -> bool:
        """Whether this read of a transaction fails (knob status_error_rate)."""
        rate = self.gateway.knobs_for(entry).status_error_rate
        return rate > 0 and self.gateway.chance.happens(
            rate, self.gateway.key_for(f"{entry.key}/status"), "status_error"
        )
