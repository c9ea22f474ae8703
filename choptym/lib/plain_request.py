"""The request as both servers make it: making one does not fail, and its text is UTF-8 whatever a client says."""

from collections.abc import Mapping
from typing import Any, BinaryIO

from django.core.files.uploadedfile import UploadedFile
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParserError
from django.utils.datastructures import MultiValueDict
from django.utils.http import parse_header_parameters

Form = tuple[QueryDict, MultiValueDict[str, UploadedFile]]


class _PlainRequest(HttpRequest):
    """Django reads Content-Type in the constructor, where no middleware and no handler of ours answers for a failure.

    With a charset it also reads the query there, and in that charset: see docs/adr/0039.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        """As Django's, without the charset. A Content-Type that cannot be read is none: who wants one answers 415."""
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except (LookupError, TypeError, ValueError):
            meta["CONTENT_TYPE"] = self.content_type = ""
            self.content_params = {}

    def parse_file_upload(self, META: Mapping[str, Any], post_data: BinaryIO) -> Form:  # noqa: N803 - Django's name
        try:
            return super().parse_file_upload(META, post_data)
        except TypeError as error:  # Python's, about a parameter both with and without a number (a*=…; a*0=…)
            raise MultiPartParserError("The header of a part cannot be read.") from error


class WebRequest(_PlainRequest, WSGIRequest):
    """Of the web process."""


class EventsRequest(_PlainRequest, ASGIRequest):
    """Of the event-stream process."""
