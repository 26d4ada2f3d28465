from django.contrib import admin
from django.urls import include, path
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from config import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("language/", require_POST(set_language), name="set_language"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("annotation.api.urls")),
    path("api/v1/", include("rating.api.urls")),
    path("", include("annotation.urls")),
    path("", include("rating.urls")),
]

handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"
