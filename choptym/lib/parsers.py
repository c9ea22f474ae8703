"""JSON bodies, read strictly."""

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class StrictJSONParser(JSONParser):
    """Refuses what Python's parser accepts and the database cannot hold: half a surrogate pair, NUL, deep nesting."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            data = super().parse(stream, media_type, parser_context)
            if not isinstance(data, dict):
                raise ParseError("The body must be a JSON object.", code="malformed")
            text = json.dumps(data, ensure_ascii=False)
            text.encode()
        except (UnicodeError, RecursionError) as error:
            raise ParseError("The body is not text that can be stored.", code="malformed") from error
        if "\\u0000" in text:
            raise ParseError("The body contains a NUL character.", code="malformed")
        return data
