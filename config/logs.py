"""Keep what lets somebody in out of every log: links, tokens, session keys, secrets of webhooks.

The path of an invitation is as good as a password until it is used, and a refused request is logged with its
path. So each line is looked through when it is written, wherever it came from.
"""

import logging
import re
from typing import Any

MASK = "***"
# A slash, also as it stands in `?next=`.
SLASH = "(?:/|%2F)"
SECRETS = re.compile(
    # What follows in the path of a link, all of it: some are cut, or copied with something behind.
    rf"(?P<link>{SLASH}(?:invitations|enter){SLASH})[^\s\"'<>?&]+"
    # What is sent or made under a known name.
    r"|(?P<name>whsec_|\bToken |\b(?:sessionid|csrftoken|device)=)[^\s\"'<>&;,]+"
    # What looks like a token, wherever it is: longer than a UUID, which is no secret, or a session's key.
    r"|(?<![\w-])(?:[\w-]{37,}|[a-z0-9]{32}(?![\w-]))",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """Return the text without secrets; what they belong to stays readable."""
    return SECRETS.sub(lambda found: (found["link"] or found["name"] or "") + MASK, text)


class MaskingFormatter(logging.Formatter):
    """The last step of every line, so that no logger, argument or traceback goes past it."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def to_stderr(level: int) -> dict[str, Any]:
    """Return Django's LOGGING: every line to standard error, whoever writes it, and masked."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": "config.starting.Formatter",
                "format": "{asctime} {levelname} {name}: {message}",
                "style": "{",
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # They tell each address that is called, and that of a webhook may hold a secret.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            # Each failed try; who needed the connection says so, too.
            "psycopg.pool": {"level": "ERROR"},
        },
    }
