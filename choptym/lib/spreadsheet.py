"""Cells that a spreadsheet shows and never runs."""

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain_cell(text: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would take for a formula (OWASP: CSV injection)."""
    return f"'{text}" if text.startswith(_BEGINS_A_FORMULA) else text
