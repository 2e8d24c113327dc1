"""Write API responses as JSON with orjson.

The text of a JSON column becomes part of the response without parsing, as an `orjson.Fragment`.
"""

import json
from typing import Any

import orjson
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def text_of(fragment: orjson.Fragment) -> str:
    """Return the JSON text of the fragment. orjson.Fragment has no attribute for its text."""
    return orjson.dumps(fragment).decode()


class _Encoder(JSONEncoder):
    """REST framework's encoder, for values that orjson cannot write: lazy strings and numbers over 64 bits."""

    def default(self, obj: Any) -> Any:
        return json.loads(text_of(obj)) if isinstance(obj, orjson.Fragment) else super().default(obj)


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
        return orjson.dumps(data, _encode, _OPTIONS)
    except TypeError:  # numbers beyond 64 bits, keys that are not strings, lone surrogates
        rendered: bytes = _FrameworkRenderer().render(data)
        return rendered


_encode: Any = _Encoder().default
