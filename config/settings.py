"""Every setting of Pairwright, all from the environment; a bad value stops the program with one sentence.

With no DATABASE_URL the program is *embedded*: SQLite and its own secret key in DATA_DIR, plain HTTP on
this machine, as `make run` starts it. With DATABASE_URL it is a *deployment*, which must also be given
REDIS_URL, SECRET_KEY and PUBLIC_URL. docs/operators.md lists every variable.
"""

import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError

from config import database
from config.environment import (
    absolute_folders,
    embedded_secret_key,
    origin,
    required,
    strong_secret_key,
    with_password,
    writable_folder,
)
from config.logs import to_stderr

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env()


try:
    EMBEDDED = not env.str("DATABASE_URL", "")
    DEBUG = env.bool("DEBUG", False)
    DATA_DIR = writable_folder("DATA_DIR", env.path("DATA_DIR", BASE_DIR / "data"))
    TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0)
    DATABASE_POOL_SIZE = env.int("DATABASE_POOL_SIZE", 20)
    LOG_LEVEL = env.log_level("LOG_LEVEL", logging.INFO)
    # What managers may import from, by web: folders of the server, and buckets of one S3 storage.
    IMAGE_ROOTS = absolute_folders("IMAGE_ROOTS", env.str("IMAGE_ROOTS", ""))
    IMPORT_S3_BUCKETS: list[str] = env.list("IMPORT_S3_BUCKETS", [])
    IMPORT_S3_ENDPOINT = env.str("IMPORT_S3_ENDPOINT", "")
    IMPORT_S3_REGION = env.str("IMPORT_S3_REGION", "")
    IMPORT_S3_ACCESS_KEY_ID = env.str("IMPORT_S3_ACCESS_KEY_ID", "")
    IMPORT_S3_SECRET_ACCESS_KEY = env.str("IMPORT_S3_SECRET_ACCESS_KEY", "")
    # Exports to a Hugging Face hub: whether, where to, as whom, and to whose repositories.
    HUB_ENABLED = env.bool("HUB_ENABLED", False)
    HUB_ENDPOINT = env.str("HUB_ENDPOINT", "")
    HUB_TOKEN = env.str("HUB_TOKEN", "")
    HUB_NAMESPACES: list[str] = env.list("HUB_NAMESPACES", [])
    if HUB_ENABLED and not HUB_TOKEN:
        raise ImproperlyConfigured(
            "HUB_ENABLED is on, but HUB_TOKEN is not set: pushing to a hub needs a token that may write."
        )
    # After so many days the file of an export is deleted; 0 keeps it for ever.
    EXPORT_DAYS = env.int("EXPORT_DAYS", 30)
    # Where webhooks may lead to (annotation/targets.py); empty: there are no webhooks.
    WEBHOOK_TARGETS: list[str] = env.list("WEBHOOK_TARGETS", [])
    # What the API grants a minute, in each web process; 0 is no limit (annotation/api/throttles.py).
    PERSON_READS_PER_MINUTE = env.int("PERSON_READS_PER_MINUTE", 24_000)
    PERSON_WRITES_PER_MINUTE = env.int("PERSON_WRITES_PER_MINUTE", 24_000)
    TOKEN_READS_PER_MINUTE = env.int("TOKEN_READS_PER_MINUTE", 12_000)
    TOKEN_WRITES_PER_MINUTE = env.int("TOKEN_WRITES_PER_MINUTE", 12_000)

    # What the projects of one person may come to; 0 is no limit (annotation/services/quotas.py).
    MANAGER_PROJECTS = env.int("MANAGER_PROJECTS", 100)
    MANAGER_DISK_GB = env.int("MANAGER_DISK_GB", 50)

    # The web server's entry point says so; config/database.py has what follows.
    IN_WEB_SERVER = "PAIRWRIGHT_WEB_SERVER" in os.environ
    LIMITS = database.IN_A_REQUEST if IN_WEB_SERVER else database.AT_WORK
    DATABASES: dict[str, dict[str, Any]]
    if EMBEDDED:
        SECRET_KEY = embedded_secret_key(DATA_DIR)
        PUBLIC_URL = origin("PUBLIC_URL", env.str("PUBLIC_URL", "http://127.0.0.1:8000"))
        REDIS_URL = env.str("REDIS_URL", "")
        DATABASES = {
            "default": {
                "ENGINE": "config.sqlite",
                "NAME": DATA_DIR / "pairwright.sqlite3",
                # A file, as in real use: in memory, SQLite locks otherwise.
                "TEST": {"NAME": DATA_DIR / "test.sqlite3"},
                "OPTIONS": database.sqlite_options(LIMITS),
            }
        }
    else:
        SECRET_KEY = strong_secret_key(required("SECRET_KEY", "50 or more random characters"))
        PUBLIC_URL = origin("PUBLIC_URL", required("PUBLIC_URL", "https://pairs.example.org"))
        REDIS_URL = with_password(
            required("REDIS_URL", "redis://redis:6379/0"), env.str("REDIS_PASSWORD", "")
        )
        DATABASES = {"default": env.dj_db_url("DATABASE_URL")}
        if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
            raise ImproperlyConfigured(
                "DATABASE_URL must name a Postgres database: postgresql://user:password@host:5432/name"
            )
        DATABASES["default"] |= {
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {
                **DATABASES["default"].get("OPTIONS", {}),
                **database.postgres_options(LIMITS, DATABASE_POOL_SIZE),
            },
        }
    ALLOWED_HOSTS = [urlsplit(PUBLIC_URL).hostname or "", *env.list("ALLOWED_HOSTS", [])]
except EnvError as error:
    raise ImproperlyConfigured(
        f"The environment has a value that cannot be used: {error}"
    ) from None

# Where compiled numerics are kept between starts; the program's own folder may be read-only.
os.environ.setdefault("NUMBA_CACHE_DIR", str(DATA_DIR / "numba"))

# The hub's client speaks to the endpoint alone, by plain HTTP, and tells nobody of its use.
os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

if EMBEDDED:
    ALLOWED_HOSTS += ["localhost", "127.0.0.1", "[::1]"]

# --- Application -----------------------------------------------------------------------------------

INSTALLED_APPS = [
    "annotation",
    "rating",
    "config",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "csp",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "rest_framework",
]

MIDDLEWARE = [
    "config.browser_headers.BrowserHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.secret_addresses.SecretAddressMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Before a view, and so before the CSRF token is looked for in the body.
    "config.bodies.BodyLimitMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "annotation.views.refused.RefusedMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
# Each by its own name. The browser's wish counts until a person chooses (templates/_language.html).
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
# An embedded installation collects them by itself, and empties the folder for it (config/static_files.py).
STATIC_ROOT = DATA_DIR / "static" if EMBEDDED else env.path("STATIC_ROOT", DATA_DIR / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.storage.HashedStaticFiles"},
}

# --- Files -----------------------------------------------------------------------------------------

UPLOAD_DIR = DATA_DIR / "uploads"
# Large bodies wait on the disk of the data: /tmp may be small, and memory.
FILE_UPLOAD_TEMP_DIR = writable_folder("DATA_DIR", DATA_DIR / "incoming")
DERIVATIVE_DIR = DATA_DIR / "derivatives"
EXPORT_DIR = DATA_DIR / "exports"
IMPORT_DIR = DATA_DIR / "imports"
MAX_UPLOAD_BYTES = 64 * 2**20
MAX_IMAGE_PIXELS = 100_000_000
# Of an uploaded zip or manifest; the proxy allows a request as much.
MAX_IMPORT_UPLOAD_BYTES = 2**30
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20

# --- Pairs and ratings -------------------------------------------------------------------------------

# Dotted path of the pair picker behind annotation's port (annotation/pairing); "" is the random one.
PAIR_PICKER = "rating.picker.pick"
# A burst of comparisons within this many seconds wakes the worker once.
WAKE_UP_SECONDS = 0.5

# --- People ------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "annotation.User"
AUTHENTICATION_BACKENDS = ["annotation.accounts.NameBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
] + [{"NAME": "annotation.accounts.NotTheName"}, {"NAME": "annotation.accounts.EndTokens"}]
# How long a one-time login link works.
PASSWORD_RESET_TIMEOUT = int(timedelta(days=1).total_seconds())
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "projects"
ACCOUNT_ADAPTER = "annotation.accounts.ClosedAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
# Failed logins: of an address, of a name from one address, of a name from everywhere, and of a name on a
# device that its person has logged in with before (annotation/accounts.py).
ACCOUNT_RATE_LIMITS = {
    "login": None,
    "login_by_address": "60/m/ip",
    "login_failed": "20/m/ip,5/5m/key",
    "login_failed_by_name": "200/h/key",
    "login_failed_on_device": "5/5m/key",
}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES

# Limits and sessions live in the database: they outlive a lost Redis, and every process sees the same.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
SESSION_COOKIE_AGE = int(timedelta(days=30).total_seconds())

# --- Browsers ----------------------------------------------------------------------------------------

SECURE = PUBLIC_URL.startswith("https:")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
# A browser accepts a `__Host-` cookie from this very host only: no other host of the domain can plant one.
COOKIE_PREFIX = "__Host-" if SECURE else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}language"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE, LANGUAGE_COOKIE_HTTPONLY, LANGUAGE_COOKIE_SAMESITE = SECURE, True, "Lax"
LANGUAGE_COOKIE_AGE = int(timedelta(days=365).total_seconds())
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if SECURE else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- API -----------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "annotation.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "annotation.api.authentication.TokenScope",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["annotation.api.throttles.Limits"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["annotation.api.parsers.StrictJSONParser"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    # Failed logins are limited more strictly, and by name too (ACCOUNT_RATE_LIMITS). This bounds the work
    # of hashing passwords, and lets a whole team behind one address get its tokens.
    "DEFAULT_THROTTLE_RATES": {"token": "120/min"},
    "EXCEPTION_HANDLER": "annotation.api.errors.exception_handler",
    "NON_FIELD_ERRORS_KEY": "detail",
    "NUM_PROXIES": TRUSTED_PROXIES,
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
KNOX_TOKEN_MODEL = "knox.AuthToken"  # noqa: S105 - a model
REST_KNOX = {"TOKEN_TTL": timedelta(days=90), "AUTH_HEADER_PREFIX": "Token"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Pairwright",
    "VERSION": "1",
    "DESCRIPTION": "Collect image preferences with a team; export rankings and preference data.",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "annotation.api.schema.close_bodies",
        "annotation.api.examples.add_examples",
    ],
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    # Deep links would be links within buttons, which no screen reader can tell apart.
    "SWAGGER_UI_SETTINGS": {"deepLinking": False},
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# --- Celery --------------------------------------------------------------------------------------------

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://") or None
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A full Redis refuses commands; a worker connects anew then, instead of ending.
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
# Bounded, so that a hung broker costs the waker's thread seconds and a request nothing.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 30,
    "socket_connect_timeout": 2,
}
CELERY_TASK_IGNORE_RESULT = True
# There are no results; else beat would have them cleaned up, by a message that expires.
CELERY_RESULT_EXPIRES = None
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 3000
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")
# Nothing expires: annotation/periodic.py and config/beat.py keep what piles up harmless.
CELERY_BEAT_SCHEDULER = "config.beat:Scheduler"
CELERY_BEAT_SCHEDULE = {
    "deliver": {"task": "annotation.tasks.deliver", "schedule": 5.0},
    "forget-old-deliveries": {"task": "annotation.tasks.forget_old_deliveries", "schedule": 3600.0},
    "forget-stale": {"task": "annotation.tasks.forget_stale", "schedule": 3600.0},
    "remove-old-exports": {"task": "rating.tasks.remove_old_exports", "schedule": 3600.0},
    "sweep": {"task": "rating.tasks.sweep", "schedule": 5.0},
    "review": {"task": "rating.tasks.review", "schedule": 20.0},
    "sweep-imports": {"task": "annotation.tasks.sweep_imports", "schedule": 5.0},
    "derive": {"task": "annotation.tasks.derive", "schedule": 5.0},
    "sweep-queues": {"task": "annotation.tasks.sweep_queues", "schedule": 30.0},
    "release-expired": {"task": "annotation.tasks.release_expired", "schedule": 60.0},
}

# --- Logs ----------------------------------------------------------------------------------------------

LOGGING = to_stderr(LOG_LEVEL)
