"""What a request's body may be."""

from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser, MultiPartParser

from annotation.strict_json import strict_json


class StrictJSONParser(JSONParser):
    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return strict_json(stream.read())
        except ValueError as error:
            raise ParseError(f"The body is not usable JSON: {error}") from None


class UploadParser(MultiPartParser):
    """A form with a file. Its text fields are checked by their serializers."""
