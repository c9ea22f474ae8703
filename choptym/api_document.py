"""The OpenAPI document at /api/schema/: made once per process, and the same bytes for everybody."""

from functools import cache
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils import translation
from django.utils.decorators import method_decorator
from django.views.decorators.http import conditional_page
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

_RENDERERS = {"yaml": OpenApiYamlRenderer, "json": OpenApiJsonRenderer}
# Making it takes some tenths of a second: whoever comes meanwhile waits for it.
_making = Lock()


@method_decorator(conditional_page, name="dispatch")
class ApiDocumentView(APIView):
    """YAML, or JSON for those who ask for it. In English, whatever language is asked for."""

    permission_classes = (AllowAny,)
    renderer_classes = (OpenApiYamlRenderer, OpenApiYamlRenderer2, OpenApiJsonRenderer, OpenApiJsonRenderer2)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        renderer: BaseRenderer = request.accepted_renderer
        charset = f"; charset={renderer.charset}" if renderer.charset else ""
        with _making:
            content = _document(renderer.format)
        return HttpResponse(
            content,
            content_type=f"{renderer.media_type}{charset}",
            headers={"Content-Disposition": f'inline; filename="{spectacular_settings.TITLE}.{renderer.format}"'},
        )


@cache
def _document(form: str) -> bytes:
    with translation.override(settings.LANGUAGE_CODE):
        document: dict[str, Any] = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
        content: bytes = _RENDERERS[form]().render(document, renderer_context={})
    return content
