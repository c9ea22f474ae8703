"""Phone numbers in national form, by country: what is one, who carries it, who pays when nobody said so."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Numbering:
    pattern: str
    says: str
    default_payer: str  # who opens a link when nobody said so
    carriers: Mapping[str, str] = field(default_factory=dict)  # who → pattern of the number's beginning
    other_carrier: str = ""

    def is_national(self, phone: object) -> bool:
        return isinstance(phone, str) and re.fullmatch(self.pattern, phone) is not None

    def find_operator(self, phone: str) -> str:
        """Who carries the number, by the table of the gateways' own hosted pages."""
        for operator, beginning in self.carriers.items():
            if re.match(beginning, phone):
                return operator
        return self.other_carrier if phone else ""


CAMEROON = Numbering(
    "6[0-9]{8}",
    "nine digits beginning with 6",
    "677777777",
    {"mtn": "6(?:7|5[0-4]|8[0-3])", "orange": "6(?:9|5[5-9]|8[6-9]|40)"},
)
# Every phone pays through UPI: one operator for all.
INDIA = Numbering("[6-9][0-9]{9}", "ten digits beginning with 6 to 9", "9777777777", other_carrier="upi")

is_national = CAMEROON.is_national
find_operator = CAMEROON.find_operator
