"""What a request may name. Any other key of its body, and any other parameter, is refused.

A request with a misspelt key would otherwise succeed without doing what was meant.
"""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.serializers import BaseSerializer, ListSerializer, Serializer

from annotation import limits

# Beyond it a name is not compared with others, nor shown whole.
NAME_SHOWN = 60
# What Django's check against forged requests reads from a form.
OF_FORMS = "csrfmiddlewaretoken"


def refuse_unknown_parameters(given: Mapping[str, str], known: Mapping[str, int]) -> None:
    """Raise for parameters that are not among the `known`, or longer than these allow."""
    wrong = {name[:NAME_SHOWN]: [_unknown(name, known)] for name in given.keys() - known.keys()}
    for name in given.keys() & known.keys():
        if len(given[name]) > known[name]:
            wrong[name] = [too_long(len(given[name]), known[name])]
    if wrong:
        raise ValidationError(dict(islice(wrong.items(), limits.UNKNOWN_TOLD)))


def refuse_unknown_keys(serializer: BaseSerializer[Any], data: Any) -> None:
    """Raise for keys of the body, at any depth, that the serializer does not take."""
    known = sorted(_known(serializer))
    wrong = {
        path: [told]
        for path, told in islice(_wrong(serializer, data, "", known), limits.UNKNOWN_TOLD)
    }
    if wrong:
        raise ValidationError(wrong)


def too_long(length: int, most: int) -> str:
    return _("It has %(length)s characters; at most %(most)s are possible.") % {
        "length": length,
        "most": most,
    }


def _wrong(
    serializer: Any, data: Any, path: str, known: Collection[str]
) -> Iterator[tuple[str, str]]:
    if isinstance(serializer, ListSerializer) and isinstance(data, list):
        # Longer lists are refused for their length.
        for at, item in enumerate(data[: limits.PAGE]):
            yield from _wrong(serializer.child, item, f"{path}{at}.", known)
    if not isinstance(serializer, Serializer) or not isinstance(data, Mapping):
        return
    for name in data:
        field = serializer.fields.get(name)
        if field is None and name != OF_FORMS:
            yield f"{path}{str(name)[:NAME_SHOWN]}", _unknown(str(name), known, path)
        elif field is not None and field.read_only:
            yield f"{path}{name}", _("“%(name)s” can be read, but not set.") % {"name": name}
        elif isinstance(field, BaseSerializer):
            yield from _wrong(field, data[name], f"{path}{name}.", known)


def _known(serializer: Any, path: str = "") -> Iterator[str]:
    """All that may be named, as paths: `name`, `settings.overlap`, `criteria.key`."""
    if isinstance(serializer, ListSerializer):
        yield from _known(serializer.child, path)
    if isinstance(serializer, Serializer):
        for name, field in serializer.fields.items():
            if not field.read_only:
                yield f"{path}{name}"
                yield from _known(field, f"{path}{name}.")


def _unknown(name: str, known: Collection[str], path: str = "") -> str:
    """Say that it is not known, with the one that is probably meant, or else with those of the same place."""
    name = name[:NAME_SHOWN]
    shown, place = f"{path}{name}", _place(path)
    here = {_last(word): word for word in known if word.rpartition(".")[0] == place}
    # What is known at the same place wins over the same word elsewhere.
    anywhere = {_last(word): word for word in sorted(known, reverse=True)} | here
    if close := get_close_matches(name, anywhere, n=1):
        return _("“%(name)s” is not known here. Did you mean “%(nearest)s”?") % {
            "name": shown,
            "nearest": anywhere[close[0]],
        }
    if not here:
        return _("“%(name)s” is not known here. This takes none.") % {"name": shown}
    return _("“%(name)s” is not known here. Known are: %(known)s.") % {
        "name": shown,
        "known": ", ".join(sorted(here)),
    }


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _place(path: str) -> str:
    """Where a body's key is, as the known ones have it: without the places in lists."""
    return ".".join(part for part in path.split(".") if part and not part.isdecimal())
