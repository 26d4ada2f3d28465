"""Fields that are stricter than the framework's."""

import json
import math
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation import limits
from annotation.strict_json import strict_json


class FiniteFloatField(serializers.FloatField):
    """Python reads “NaN” and “1e999” as numbers; JSON could not tell them back."""

    def to_internal_value(self, data: Any) -> float:
        number: float = super().to_internal_value(data)
        if not math.isfinite(number):
            self.fail("invalid")
        return number


@extend_schema_field(OpenApiTypes.OBJECT)
class MetadataField(serializers.Field):
    """A JSON object; in a form, which has only text, the text of one."""

    default_error_messages = {
        "invalid": "Send a JSON object, such as {{“seed”: 7}}.",
        "unusable": "This is not usable JSON: {error}",
        "too_long": "As JSON it has {length} characters; at most {most} are possible.",
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, str):
            try:
                data = strict_json(data)
            except ValueError as error:
                self.fail("unusable", error=error)
        if not isinstance(data, dict):
            self.fail("invalid")
        if (length := len(json.dumps(data))) > limits.METADATA:
            self.fail("too_long", length=length, most=limits.METADATA)
        return data

    def to_representation(self, value: Any) -> Any:
        return value
