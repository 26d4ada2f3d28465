import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("PAIRWRIGHT_WEB_SERVER", "1")

if settings.EMBEDDED and not settings.DEBUG:
    from config import static_files

    # Before the application, which looks once at what there is.
    django.setup()
    static_files.collect()

application = get_wsgi_application()
