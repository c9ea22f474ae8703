"""Cameroonian phone numbers in national form (nine digits, beginning with 6) and who carries them."""

import re

DEFAULT_PAYER = "677777777"  # who opens a link when nobody said so

_NATIONAL = re.compile(r"6[0-9]{8}")
_MTN = re.compile(r"6(?:7|5[0-4]|8[0-3])")
_ORANGE = re.compile(r"6(?:9|5[5-9]|8[6-9]|40)")


def is_national(phone: object) -> bool:
    return isinstance(phone, str) and _NATIONAL.fullmatch(phone) is not None


def find_operator(phone: str) -> str:
    """ "mtn", "orange" or "" by the table of the gateways' own hosted pages."""
    if _MTN.match(phone):
        return "mtn"
    return "orange" if _ORANGE.match(phone) else ""
