from django.contrib import admin
from django.urls import include, path

from config import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("annotation.api.urls")),
    path("api/v1/", include("rating.api.urls")),
    path("", include("annotation.urls")),
    path("", include("rating.urls")),
]

handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"
