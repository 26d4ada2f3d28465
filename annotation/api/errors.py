from typing import Any
from rest_framework.views import exception_handler as drf_handler


def exception_handler(e, c):
    return drf_handler(e, c)
