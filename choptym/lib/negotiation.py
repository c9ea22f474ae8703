"""What a client accepts: media types only."""

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request


class PlainNegotiation(DefaultContentNegotiation):
    """Without the parameters of Accept: none of ours has one, and Python fails on some that a client may make up."""

    def get_accept_list(self, request: Request) -> list[str]:
        return [token.partition(";")[0].strip() for token in super().get_accept_list(request)]
