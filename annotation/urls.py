from django.urls import path

from annotation.views import images

urlpatterns = [
    path("images/<uuid:image_id>/", images.image, name="image"),
]
