"""Text is UTF-8 in every request that our servers make, whatever its Content-Type says."""

from collections.abc import Callable
from io import BytesIO

import pytest
from django.http import HttpRequest
from django.test import AsyncRequestFactory, RequestFactory

from choptym.lib.plain_request import EventsRequest, WebRequest

# In UTF-7 this is NUL, and the check for it in the query sees none.
SHIFTED = "+AAA-"
BODY = f'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n{SHIFTED}\r\n--x--\r\n'.encode()
ADDRESS = "/?a=%2BAAA-"


def of_the_web(kind: str) -> HttpRequest:
    environ = RequestFactory().generic("POST", ADDRESS, BODY).environ
    return WebRequest({**environ, "CONTENT_TYPE": kind})


def of_the_events(kind: str) -> HttpRequest:
    scope = AsyncRequestFactory().generic("POST", ADDRESS, BODY).scope
    headers = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
    return EventsRequest({**scope, "headers": [*headers, (b"content-type", kind.encode())]}, BytesIO(BODY))


Maker = Callable[[str], HttpRequest]
MAKERS = pytest.mark.parametrize("make", [of_the_web, of_the_events], ids=["web", "events"])


@MAKERS
@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "cp037"])
def test_a_charset_changes_no_text(make: Maker, charset: str) -> None:
    request = make(f"multipart/form-data; boundary=x; charset={charset}")

    assert (request.GET.dict(), request.POST.dict()) == ({"a": SHIFTED}, {"a": SHIFTED})
    assert request.content_type == "multipart/form-data"


@MAKERS
@pytest.mark.parametrize("parameters", ["a*=x; a*0=y", "a*=no'en'x", "a*=idna''x", f"a*{'9' * 5000}=x"])
def test_a_content_type_that_cannot_be_read_is_none(make: Maker, parameters: str) -> None:
    request = make(f"application/json; {parameters}")

    assert (request.content_type, request.content_params, request.META["CONTENT_TYPE"]) == ("", {}, "")
