"""Lists that grow: newest first, in pages, as plain JSON arrays."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

LARGEST_ID = 2**63 - 1


class NewestFirst(BasePagination):
    """`?before=<id>` asks for what came earlier; the `Link` header names the next page.

    The page is found through the primary key, so the thousandth costs what the first does.
    """

    page_size = 50
    before_param = "before"

    def paginate_queryset(self, queryset: QuerySet[Any], request: Request, view: Any = None) -> list[Any]:
        before = request.query_params.get(self.before_param)
        if before is not None:
            if not (before.isascii() and before.isdigit() and len(before) <= 19 and int(before) <= LARGEST_ID):
                raise ValidationError({self.before_param: ["Not an id."]})
            queryset = queryset.filter(pk__lt=int(before))
        rows = list(queryset.order_by("-pk")[: self.page_size + 1])
        self.next_link = None
        if len(rows) > self.page_size:
            rows = rows[: self.page_size]
            self.next_link = replace_query_param(request.build_absolute_uri(), self.before_param, rows[-1].pk)
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        headers = {"Link": f'<{self.next_link}>; rel="next"'} if self.next_link else None
        return Response(data, headers=headers)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return schema

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": self.before_param,
                "required": False,
                "in": "query",
                "description": "Only what is older than this id.",
                "schema": {"type": "integer", "minimum": 0, "maximum": LARGEST_ID},
            }
        ]
