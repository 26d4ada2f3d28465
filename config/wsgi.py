import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config.starting import in_one_sentence

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("PAIRWRIGHT_WEB_SERVER", "1")

with in_one_sentence():
    embedded = settings.EMBEDDED

if embedded and not settings.DEBUG:
    from config import static_files

    # Before the application, which looks once at what there is.
    django.setup()
    static_files.collect()

application = get_wsgi_application()
