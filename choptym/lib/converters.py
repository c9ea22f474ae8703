"""Parts of an address."""

from django.urls import register_converter
from django.urls.converters import IntConverter

LARGEST = 2**63 - 1


class BigIntConverter(IntConverter):
    """A number that a primary key may have, from 1; another one is no address of ours, not a database error.

    Written in one way only: what was asked for under an idempotency key is known by its address.
    """

    regex = "[1-9][0-9]*"

    def to_python(self, value: str) -> int:
        number = int(value) if len(value) <= len(str(LARGEST)) else LARGEST + 1
        if not 1 <= number <= LARGEST:
            raise ValueError(value)
        return number


register_converter(BigIntConverter, "bigint")
