"""Decode the JSON bodies of partners."""

import json
from typing import Any

import orjson

from chm_project.scrubbing import storable_text

_DIGITS_TO_ZEROS = bytes.maketrans(b"123456789", b"000000000")
# An integer with fewer than 19 digits fits into 64 bits, so orjson does not round it to a float. `decode` replaces all
# digits by zeros, and then one search finds any integer of 19 or more digits.
_NINETEEN_DIGITS = b"0" * 19
_ESCAPED_NUL = b"\\u0000"


def decode(content: bytes) -> Any:
    """Return the decoded JSON as `json.loads` does, but without NUL and lone surrogates, which CHM cannot store.

    Raise ValueError or RecursionError for other content. orjson is faster than json. But orjson rounds integers that do
    not fit into 64 bits, and refuses NaN, lone surrogates and encodings other than UTF-8. In these cases json decodes
    the content.
    """
    if _NINETEEN_DIGITS not in content.translate(_DIGITS_TO_ZEROS):
        try:
            value = orjson.loads(content)
        except orjson.JSONDecodeError:
            pass
        else:
            # orjson has refused lone surrogates, and accepts NUL only in this form.
            return _storable(value) if _ESCAPED_NUL in content else value
    return _storable(json.loads(content))


def _storable(value: Any) -> Any:
    """Return the JSON value with each text and key in a form that PostgreSQL can store."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {storable_text(key): _storable(item) for key, item in value.items()}
    return value
