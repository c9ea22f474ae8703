"""Whose number it is, by the leading digits that Fapshi's own checkout goes by. A hint, never a reason to refuse."""

import re

_NATIONAL = re.compile(r"6[0-9]{8}")
_INDIAN = re.compile(r"[6-9][0-9]{9}")
_MTN = re.compile(r"67|65[0-4]|68[0-3]")
_ORANGE = re.compile(r"69|65[5-9]|68[6-9]|640")

# How gateways say that the operator, and not the customer, is why a charge failed. None documents its words.
_OPERATORS_FAULT = re.compile(r"operator|network|technical|unavailable|internal", re.IGNORECASE)

INSTRUCTIONS = {"mtn": "*126#", "orange": "#150*50#"}  # what the customer dials to approve


def is_national(phone: str) -> bool:
    """Nine digits beginning with 6, as both aggregators want them."""
    return _NATIONAL.fullmatch(phone) is not None


def is_indian(phone: str) -> bool:
    """Ten digits beginning with 6 to 9: a mobile number in India."""
    return _INDIAN.fullmatch(phone) is not None


def operator_of(phone: str) -> str:
    """ "mtn", "orange", or "" when the number is neither or both are said of it (684, 685)."""
    if not is_national(phone):
        return ""
    if _MTN.match(phone):
        return "mtn"
    return "orange" if _ORANGE.match(phone) else ""


def is_operators_fault(reason: str) -> bool:
    """Whether a charge that was not paid failed because the operator does not work."""
    return _OPERATORS_FAULT.search(reason) is not None
