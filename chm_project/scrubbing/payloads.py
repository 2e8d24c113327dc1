"""Remove secrets from payloads: by key, by pair of name and value, and in every text."""

import json
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from chm_project.scrubbing.names import SecretName, secret_name, words_of
from chm_project.scrubbing.texts import may_hold_secrets, scrub_text, secret_spans
from chm_project.scrubbing.values import FILTERED, is_secret_member, looks_random

# Times and dataclasses are not JSON: orjson raises TypeError, and `_storable` turns them into text.
_AS_JSON = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS
MAX_DEPTH = 64
TOO_DEEP = "[nested too deep]"

# {"name": "API_TOKEN", "value": "…"}: the keys of such pairs.
_NAME_MEMBERS = frozenset("name key k parameter param variable var field id label title option arg flag".split())
_NAME_MEMBERS |= frozenset("argument header property setting attribute".split())
_VALUE_MEMBERS = frozenset("value values val v default content data text input current string".split())
# Words that may come before the last word of such a key, as in "envValue".
_BEFORE_MEMBER = frozenset("env environment config secret custom".split()) | _NAME_MEMBERS
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


def scrub_mapping(value: Mapping[str, Any]) -> str:
    """Return the payload as JSON text that PostgreSQL can store, without its secrets."""
    try:
        encoded = orjson.dumps(value, option=_AS_JSON).decode()
        is_storable = "\\u0000" not in encoded
    except TypeError:
        is_storable = False
    # Most payloads have no secret, and one search of their JSON text is cheaper than a walk through their values.
    if is_storable and not may_hold_secrets(encoded):
        return encoded
    return _dump(scrubbed(_storable(value, 0)))


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _storable(value: Any, depth: int) -> Any:
    """Return the value in a form that jsonb can store: without NUL, lone surrogates and NaN, and not too deep."""
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
        return _list(value)
    if not isinstance(value, dict):
        return value
    pair = _name_of_pair(value)
    return {
        scrub_text(key): _hidden(item, kind)
        if (kind := secret_name(key) or (pair if _is_member(key, _VALUE_MEMBERS) else None))
        else scrubbed(item)
        for key, item in value.items()
    }


def _name_of_pair(value: dict[str, Any]) -> SecretName | None:
    """Return the kind of secret that a pair of name and value announces; None for other objects."""
    for key, item in value.items():
        if _is_member(key, _NAME_MEMBERS) and isinstance(item, str) and (kind := secret_name(item.lstrip("-"))):
            return kind
    return None


@lru_cache(maxsize=4096)
def _is_member(key: str, members: frozenset[str]) -> bool:
    """Return whether the key is one of `members`, alone or after a word such as "env": "Value", "envValue"."""
    *before, last = words_of(key) or ("",)
    return last in members and _BEFORE_MEMBER.issuperset(before)


def _hidden(item: Any, kind: SecretName) -> Any:
    """Return [filtered] for the value of a secret key, or the value itself if it is a state or a count."""
    if item is None or isinstance(item, bool):
        return item
    if isinstance(item, int | float):
        return FILTERED if kind.numbers else item
    if isinstance(item, str):
        return FILTERED if is_secret_member(item, kind) else scrub_text(item)
    return FILTERED if item else item


def _list(items: list[Any]) -> list[Any]:
    """Return a list without secrets: also pairs like ["DB_PASSWORD", x], values of options, and lines of a key."""
    result: list[Any] = []
    in_key = False
    previous: Any = None
    for position, item in enumerate(items):
        if isinstance(item, str):
            if in_key:
                in_key = not _KEY_BLOCK_END.search(item)
                result.append(FILTERED if in_key else item)
                continue
            in_key = bool(_KEY_BLOCK.search(item)) and not _KEY_BLOCK_END.search(item)
        kind = _announced(previous, item, pair=len(items) == 2) if position else None
        result.append(_hidden(item, kind) if kind else scrubbed(item))
        previous = item
    if any(isinstance(item, str) and item.startswith("-") for item in items):
        _scrub_command(items, result)
    return result


def _announced(previous: Any, item: Any, *, pair: bool) -> SecretName | None:
    """Return the kind of secret that the previous item announces: an option, a variable or the name of a pair."""
    if not isinstance(previous, str) or not isinstance(item, str | int) or isinstance(item, bool):
        return None
    is_option = bool(_OPTION.match(previous)) and not str(item).startswith("-")
    if is_option or (pair and (_VARIABLE.match(previous) or looks_random(str(item)))):
        return secret_name(previous.lstrip("-"))
    return None


def _scrub_command(items: list[Any], result: list[Any]) -> None:
    """Search a list with options as one command line, for `mysql -pX` and `curl -u user:X`."""
    words = [item if isinstance(item, str) else "" for item in items]
    spans = secret_spans(" ".join(words))
    start = 0
    for position, word in enumerate(words):
        inside = [
            (first - start, last - start) for first, last in spans if start <= first and last <= start + len(word)
        ]
        if inside and result[position] == word:
            for first, last in reversed(inside):
                result[position] = result[position][:first] + FILTERED + result[position][last:]
        start += len(word) + 1
