"""Decode the JSON bodies of partners."""

import json
from typing import Any

import orjson

_DIGITS_TO_ZEROS = bytes.maketrans(b"123456789", b"000000000")
# An integer with fewer than 19 digits fits into 64 bits, so orjson does not round it to a float. `decode` replaces all
# digits by zeros, and then one search finds any integer of 19 or more digits.
_NINETEEN_DIGITS = b"0" * 19


def decode(content: bytes) -> Any:
    """Return the decoded JSON, exactly as `json.loads` does. Raise ValueError or RecursionError for other content.

    orjson is faster than json. But orjson rounds integers that do not fit into 64 bits, and refuses NaN, lone
    surrogates and encodings other than UTF-8. In these cases json decodes the content.
    """
    if _NINETEEN_DIGITS not in content.translate(_DIGITS_TO_ZEROS):
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            pass
    return json.loads(content)
