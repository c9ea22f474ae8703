"""The OpenAPI document: what all operations have in common stands here once, so that each view says only its own."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

_ERROR = {
    "type": "object",
    "description": "Every refusal and every fault.",
    "properties": {
        "code": {"type": "string", "description": "For machines. More may come: treat an unknown one by its status."},
        "message": {"type": "string", "description": "For people, in the language of Accept-Language."},
        "fields": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "What is wrong with which input, by its name; empty when no input is at fault.",
        },
    },
    "required": ["code", "message", "fields"],
    "example": {
        "code": "invalid_phone",
        "message": "Not a mobile number of Cameroon (nine digits beginning with 6).",
        "fields": {"phone": "Not a mobile number of Cameroon (nine digits beginning with 6)."},
    },
}
_ACCEPT_LANGUAGE = {
    "in": "header",
    "name": "Accept-Language",
    "schema": {"type": "string", "default": "en"},
    "example": "fr",
    "description": "The language of `message`: `fr` (also `fr-CM;q=0.9` and the like), else English.",
}
_RETRY_AFTER = {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds after which to ask again."}
_LINK = {
    "schema": {"type": "string"},
    "description": 'The next page: `<https://…?before=41>; rel="next"`. Missing on the last one.',
}
# Statuses that may say when to come back.
_PASSING = {"409", "429", "503"}

_INVALID = (
    "An input is at fault: `fields` names it. With one field at fault `code` is that field's "
    "(`required`, `null`, `blank`, `invalid`, `invalid_choice`, `min_value`, `max_value`, `max_length` …), with "
    "several it is `invalid`. `parse_error`, `malformed`: the body is no JSON object."
)
_TEXTS = {
    "400": _INVALID,
    "401": "`not_authenticated` without a token, `authentication_failed` with one that is not valid.",
    "404": "`not_found`: not there, or somebody else's.",
    "413": "`too_large`: the body is too large.",
    "415": "`unsupported_media_type`: only application/json is read.",
    "429": "`throttled`: too many requests of one customer, or of one address without a login; see Retry-After.",
    "503": "`unavailable`: the same request may work in a moment.",
}


def refusal(text: str) -> OpenApiResponse:
    """An Error among the responses of `extend_schema`, with the codes that this operation may give."""
    return OpenApiResponse(description=text)


class Word(serializers.CharField):
    """A text out of a list that the document shows under `name`. The list is for readers; checking it is the view's.

    Words that come as a mapping are explained there: each with its meaning.
    """

    def __init__(self, name: str, words: Callable[[], Iterable[str]], **options: Any) -> None:
        super().__init__(**options)
        self.name, self.words = name, words


class WordExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Word fields become named enums."""

    target_class = Word

    def get_name(self) -> str:
        return str(self.target.name)

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        words = self.target.words()
        schema: dict[str, Any] = {"type": "string", **({"enum": [*words]} if words else {})}
        if isinstance(words, Mapping):
            schema["description"] = "\n".join(f"* `{word}`: {meaning}" for word, meaning in words.items())
        return schema


class Schema(AutoSchema):
    """Adds to every operation a summary, Accept-Language, and the errors that its shape allows."""

    def get_summary(self) -> str:
        """The first sentence of the docstring."""
        return str(self.get_description()).split("\n", maxsplit=1)[0].split(". ")[0].removesuffix(".")

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(path, path_regex, path_prefix, method, registry)
        if operation is None:
            return None
        parameters = operation.setdefault("parameters", [])
        responses = operation["responses"]
        if any(parameter["name"] == "before" for parameter in parameters):
            responses["200"].setdefault("headers", {})["Link"] = _LINK
        for status in self._refused_with(operation):
            responses.setdefault(status, {"description": _TEXTS[status]})
        for status, response in responses.items():
            if status >= "400":
                _make_error(status, response, _error_of(registry))
        parameters.append(_ACCEPT_LANGUAGE)
        operation["responses"] = dict(sorted(responses.items()))
        return operation

    def _refused_with(self, operation: dict[str, Any]) -> set[str]:
        places = {parameter["in"] for parameter in operation["parameters"]}
        found = {"503"}
        if "requestBody" in operation:
            found |= {"400", "413", "415"}
        if places & {"query", "header"}:
            found.add("400")
        if "path" in places:
            found.add("404")
        if any(operation.get("security", ())):
            found.add("401")
        if self.view.throttle_classes:
            found.add("429")
        return found


def _error_of(registry: ComponentRegistry) -> ResolvedComponent:
    error = ResolvedComponent("Error", ResolvedComponent.SCHEMA, _ERROR, "Error")  # type: ignore[no-untyped-call]
    registry.register_on_missing(error)
    return error


def _make_error(status: str, response: dict[str, Any], error: ResolvedComponent) -> None:
    response["content"] = {"application/json": {"schema": error.ref}}
    if status in _PASSING:
        response.setdefault("headers", {})["Retry-After"] = _RETRY_AFTER
