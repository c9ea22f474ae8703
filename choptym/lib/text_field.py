"""A text that a person wrote, and nothing that only looks like one."""

from typing import Any

from rest_framework import serializers


class TextField(serializers.CharField):
    """Refuses a number, which REST framework would take for its digits: the document says that this is a text."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))
