"""Remove secrets from payloads: the values of secret keys, secrets in texts, and the values of name-value pairs.

A name-value pair is an object such as {"name": "API_TOKEN", "value": "…"}.
"""

import json
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from chm_project.scrubbing.secret_names import SecretKind, kind_of_secret, words_of
from chm_project.scrubbing.texts import scrub_text, search_payload, secret_spans
from chm_project.scrubbing.value_checks import FILTERED, is_secret_member, looks_random

# Times and dataclasses are no JSON values. With these options orjson raises TypeError, and `_storable` makes them
# texts.
_JSON_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS
MAX_DEPTH = 64
TOO_DEEP = "[nested too deep]"

# The keys of name-value pairs.
_NAME_KEYS = frozenset("name key k parameter param variable var field id label title option arg flag".split())
_NAME_KEYS |= frozenset("argument header property setting attribute".split())
_VALUE_KEYS = frozenset("value values val v default content data text input current string".split())
# Words that can come before such a key, as in "envValue".
_PREFIX_WORDS = frozenset("env environment config secret custom".split()) | _NAME_KEYS
_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY")
_KEY_BLOCK_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY")
_OPTION = re.compile(r"--?[A-Za-z][\w-]*\Z")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*\Z")


def storable_text(value: str) -> str:
    """Return the text without NUL and lone surrogates, which PostgreSQL cannot store."""
    if "\0" in value:
        value = value.replace("\0", "")
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def scrubbed_json(value: Mapping[str, Any]) -> str:
    """Return the payload as JSON text that PostgreSQL can store, without its secrets."""
    return scrub_payload(value)[0]


def scrub_payload(value: Mapping[str, Any]) -> tuple[str, str]:
    """Return the payload as JSON text, as `scrubbed_json` does, and a harmless text.

    The harmless text is the same JSON text if no part of it can be a secret, else it is empty. The caller need not
    search for secrets in a value that is part of the harmless text. Example: the payload of a run usually contains the
    run's id.
    """
    try:
        encoded = orjson.dumps(value, option=_JSON_OPTIONS).decode()
        is_storable = "\\u0000" not in encoded
    except TypeError:
        is_storable = False
    # Most payloads contain no secret. One search in the JSON text is faster than a search in each value.
    if is_storable:
        is_suspicious, is_harmless = search_payload(encoded)
        if not is_suspicious:
            return encoded, encoded if is_harmless else ""
    return _to_json(scrubbed(_storable(value, 0))), ""


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _storable(value: Any, depth: int) -> Any:
    """Return the value in a form that jsonb can store: without NUL, lone surrogates, NaN and nesting over MAX_DEPTH."""
    if isinstance(value, str):
        return storable_text(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= MAX_DEPTH:
        return TOO_DEEP
    if isinstance(value, Mapping):
        return {storable_text(str(key)): _storable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item, depth + 1) for item in value]
    return storable_text(str(value))


def scrubbed(value: Any) -> Any:
    """Return a JSON value without its secrets."""
    if isinstance(value, str):
        return scrub_text(value)
    if isinstance(value, list):
        return _scrub_list(value)
    if not isinstance(value, dict):
        return value
    pair_kind = _kind_of_pair(value)
    return {
        scrub_text(key): _hide_secret(item, kind)
        if (kind := kind_of_secret(key) or (pair_kind if _is_one_of(key, _VALUE_KEYS) else None))
        else scrubbed(item)
        for key, item in value.items()
    }


def _kind_of_pair(value: dict[str, Any]) -> SecretKind | None:
    """Return the kind of secret that the name of a name-value pair announces, or None for other objects."""
    for key, item in value.items():
        if _is_one_of(key, _NAME_KEYS) and isinstance(item, str) and (kind := kind_of_secret(item.lstrip("-"))):
            return kind
    return None


@lru_cache(maxsize=4096)
def _is_one_of(key: str, keys: frozenset[str]) -> bool:
    """Return whether the key is one of `keys`, in any case and with prefix words.

    Example: "Value" and "envValue" are the key "value".
    """
    *prefix_words, last_word = words_of(key) or ("",)
    return last_word in keys and _PREFIX_WORDS.issuperset(prefix_words)


def _hide_secret(item: Any, kind: SecretKind) -> Any:
    """Return [filtered] instead of the value of a secret key. A value that is only a state or a count stays."""
    if item is None or isinstance(item, bool):
        return item
    if isinstance(item, int | float):
        return FILTERED if kind.number_can_be_secret else item
    if isinstance(item, str):
        return FILTERED if is_secret_member(item, kind) else scrub_text(item)
    return FILTERED if item else item


def _scrub_list(items: list[Any]) -> list[Any]:
    """Return the list without secrets.

    The list may also be a pair such as ["DB_PASSWORD", x], a command line with options, or the lines of a private key.
    """
    result: list[Any] = []
    is_in_key_block = False
    previous: Any = None
    for position, item in enumerate(items):
        if isinstance(item, str):
            if is_in_key_block:
                is_in_key_block = not _KEY_BLOCK_END.search(item)
                result.append(FILTERED if is_in_key_block else item)
                continue
            is_in_key_block = bool(_KEY_BLOCK.search(item)) and not _KEY_BLOCK_END.search(item)
        kind = _kind_announced_by(previous, item, is_pair=len(items) == 2) if position else None
        result.append(_hide_secret(item, kind) if kind else scrubbed(item))
        previous = item
    if any(isinstance(item, str) and item.startswith("-") for item in items):
        _scrub_command(items, result)
    return result


def _kind_announced_by(previous: Any, item: Any, *, is_pair: bool) -> SecretKind | None:
    """Return the kind of secret that the previous item announces, or None.

    The previous item must be an option such as --password, or the name in a pair such as ["DB_PASSWORD", x].
    """
    if not isinstance(previous, str) or not isinstance(item, str | int) or isinstance(item, bool):
        return None
    is_option = bool(_OPTION.match(previous)) and not str(item).startswith("-")
    if is_option or (is_pair and (_VARIABLE.match(previous) or looks_random(str(item)))):
        return kind_of_secret(previous.lstrip("-"))
    return None


def _scrub_command(items: list[Any], result: list[Any]) -> None:
    """Search a list with options as one command line, and hide its secrets in `result`.

    This finds secrets in commands such as `mysql -pX` and `curl -u user:X`.
    """
    words = [item if isinstance(item, str) else "" for item in items]
    spans = secret_spans(" ".join(words))
    word_start = 0
    for position, word in enumerate(words):
        word_end = word_start + len(word)
        spans_in_word = [
            (start - word_start, end - word_start) for start, end in spans if word_start <= start and end <= word_end
        ]
        if spans_in_word and result[position] == word:
            for start, end in reversed(spans_in_word):
                result[position] = result[position][:start] + FILTERED + result[position][end:]
        word_start = word_end + 1
