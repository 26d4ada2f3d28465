"""The OpenAPI document, a page to read and try it, and the client for Python."""

from pathlib import Path
from typing import Any

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import activate
from django.views.decorators.http import conditional_page
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request

from annotation import client
from annotation.api.known import refuse_unknown_parameters
from annotation.api.negotiation import AnyAccept
from annotation.api.schema import operation
from annotation.api.views.base import View

# What drf-spectacular's own page may ask of the document.
OF_DOCUMENT = {"lang": 20, "version": 20}


@method_decorator(conditional_page, name="dispatch")
class SchemaView(SpectacularAPIView):
    """JSON, unless YAML is asked for."""

    renderer_classes = [
        OpenApiJsonRenderer2,
        OpenApiJsonRenderer,
        OpenApiYamlRenderer2,
        OpenApiYamlRenderer,
    ]

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        # One document for all, in the language of those who program; for the rest of this request.
        activate("en")
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        refuse_unknown_parameters(request.query_params, OF_DOCUMENT)


@method_decorator(csp_update({"img-src": ["data:"]}), name="dispatch")
@method_decorator(login_required, name="dispatch")
class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI from our own static files. Its style sheet has its icons in itself."""

    template_name = "api/docs.html"
    url_name = "api-schema"


class ClientView(View):
    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    content_negotiation_class = AnyAccept

    @operation(
        "download_client",
        "Download the client for Python, as it fits this server",
        description="One module that needs httpx and tqdm: `from client import Pairwright`.",
        answers={(200, "text/x-python"): OpenApiResponse(OpenApiTypes.STR, "The module's source.")},
        refusals=(400,),
        auth=[],
    )
    def get(self, request: Request) -> HttpResponse:
        source = Path(client.__file__).read_bytes()
        return HttpResponse(source, content_type="text/x-python; charset=utf-8")
