"""Single values as CSV and JSON have them."""

import json
import re
from datetime import datetime
from typing import Any
from uuid import UUID

# A spreadsheet takes a cell that starts like this for a formula.
FORMULA = re.compile(r"^[\s'\"]*[=+\-@\t\r]")


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, UUID):
        return str(value)
    return value


def safe(value: Any) -> Any:
    """As a spreadsheet may safely see it; numbers and times are as exact as in the other files."""
    value = plain(value)
    if isinstance(value, str) and FORMULA.match(value):
        return "'" + value
    return value


def csv_cell(value: Any) -> str | None:
    """One cell of CSV, defused and quoted."""
    if value is None:
        return None
    text = str(safe(value))
    if any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def json_line(row: dict[str, Any]) -> str:
    return json.dumps({name: plain(value) for name, value in row.items()}, ensure_ascii=False)
