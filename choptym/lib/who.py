"""Who is asking."""

from django.http import HttpRequest
from rest_framework.request import Request


def user_id_of(request: Request) -> int:
    """The customer behind an authenticated request."""
    user_id: int | None = request.user.pk
    assert user_id is not None  # noqa: S101 - the view's permission has seen to it
    return user_id


def staff_id_of(request: HttpRequest) -> int:
    """The member of staff behind a request to the admin."""
    user_id: int | None = request.user.pk
    assert user_id is not None  # noqa: S101 - the admin's view has seen to it
    return user_id
