"""Amounts of money in the bodies of the API."""

from typing import Any

from rest_framework import serializers


class MinorAmountField(serializers.IntegerField):
    """A JSON integer and nothing like it: whoever sends "1_0", "١", 1E2 or 1.0 may have meant another amount."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return int(data)
