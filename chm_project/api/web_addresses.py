"""Validate URLs that a page may link to: http and https, without spaces, control characters and quotes."""

import re

MAX_BYTES = 2 * 1024
_FIRST_CHARACTER = r"[^\s/\x00-\x1f\x7f\ud800-\udfff\"'<>`\\]"
_OTHER_CHARACTER = r"[^\s\x00-\x1f\x7f\ud800-\udfff\"'<>`\\]"
_WEB_ADDRESS = re.compile(rf"https?://{_FIRST_CHARACTER}{_OTHER_CHARACTER}*")


def is_web_address(text: str) -> bool:
    return _WEB_ADDRESS.fullmatch(text) is not None and len(text.encode()) <= MAX_BYTES
