import os

from celery import Celery
from django.conf import settings

from config.starting import in_one_sentence

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Now, since Celery reads them later, in many places, and with a traceback.
with in_one_sentence():
    settings.INSTALLED_APPS  # noqa: B018

app = Celery("pairwright")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
