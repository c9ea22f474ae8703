"""JSON bodies, read strictly."""

import json
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class StrictJSONParser(JSONParser):
    """Refuses what Python's parser accepts and nobody can mean, or the database cannot hold.

    A name that comes twice, NaN, half a surrogate pair, NUL, nesting without end.
    """

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            data = json.loads(stream.read(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
            text = json.dumps(data, ensure_ascii=False)
            text.encode()
        except json.JSONDecodeError as error:
            raise ParseError(f"JSON parse error - {error}") from error
        except (UnicodeError, RecursionError) as error:
            raise ParseError("The body is not text that can be stored.", code="malformed") from error
        except ValueError as error:  # a number with thousands of digits
            raise ParseError(f"JSON parse error - {error}") from error
        if not isinstance(data, dict):
            raise ParseError("The body must be a JSON object.", code="malformed")
        if "\\u0000" in text:
            raise ParseError("The body contains a NUL character.", code="malformed")
        return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ParseError("The body names a field twice.", code="malformed")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ParseError(f"JSON parse error - {name} is not a JSON number")
