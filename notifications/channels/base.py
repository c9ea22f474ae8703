"""What every channel does: one message out, or an error that says whether trying again may help."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in words, with the address it goes to."""

    address: str
    subject: str
    text: str


class DeliveryFailed(Exception):
    """The message was not taken. `is_final` when no further try can help: the address is wrong, not our settings."""

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        super().__init__(message)
        self.is_final = is_final
