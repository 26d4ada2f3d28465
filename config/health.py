"""Whether the program runs, and whether it can do its work: strangers may ask, and learn just that."""

import os

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"alive": True})


def readyz(request: HttpRequest) -> JsonResponse:
    parts = {"database": _database(), "broker": _broker(), "storage": _storage()}
    ready = all(parts.values())
    response = JsonResponse({"ready": ready, **parts}, status=200 if ready else 503)
    if not ready:
        response["Retry-After"] = "5"
    return response


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _broker() -> bool:
    if not settings.REDIS_URL:
        return False
    try:
        client = redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2
        )
        with client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _storage() -> bool:
    return os.access(settings.DATA_DIR, os.W_OK)
