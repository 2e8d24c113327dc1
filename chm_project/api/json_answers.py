"""Write API responses as JSON with orjson.

The text of a JSON column becomes part of the response without parsing: see `JsonText`.
"""

import json
from dataclasses import dataclass
from typing import Any

import orjson
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

# With PASSTHROUGH, orjson calls `_default` for dataclasses. Without it, orjson would write a JsonText as an object.
_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_PASSTHROUGH_DATACLASS


@dataclass(frozen=True, slots=True)
class JsonText:
    """JSON text from the database."""

    text: str


class _Encoder(JSONEncoder):
    """REST framework's encoder, for values that orjson cannot write: lazy strings and numbers over 64 bits."""

    def default(self, obj: Any) -> Any:
        return json.loads(obj.text) if isinstance(obj, JsonText) else super().default(obj)


class _FrameworkRenderer(JSONRenderer):
    encoder_class = _Encoder


class JsonRenderer(_FrameworkRenderer):
    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        if data is None:
            return b""
        if self.get_indent(accepted_media_type or "", renderer_context or {}) is None:
            return to_json(data)
        indented: bytes = super().render(data, accepted_media_type, renderer_context)
        return indented


def to_json(data: Any) -> bytes:
    """Return the data as JSON. Times are in UTC and end in Z."""
    try:
        return orjson.dumps(data, _default, _OPTIONS)
    except TypeError:  # numbers beyond 64 bits, keys that are not strings, lone surrogates
        rendered: bytes = _FrameworkRenderer().render(data)
        return rendered


def _default(value: Any) -> Any:
    return orjson.Fragment(value.text) if type(value) is JsonText else _encode(value)


_encode: Any = _Encoder().default
