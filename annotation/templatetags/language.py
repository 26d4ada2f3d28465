"""What templates say in the reader's language beside their own sentences."""

from typing import Any

from django import template
from django.utils.translation import get_language

from annotation import language

register = template.Library()


@register.simple_tag
def script_sentences() -> dict[str, Any]:
    return language.script_sentences()


@register.filter
def said(value: Any) -> str:
    """A word or a sentence that the program has stored or named; see annotation.language."""
    return language.said(str(value))


@register.filter
def within(label: Any) -> str:
    """A label inside a sentence: in small letters, except where nouns are written large everywhere."""
    return str(label) if get_language() == "de" else str(label).lower()
