"""Reads secrets.toml: labelled secrets and harmless texts, with their random parts filled in."""

import hashlib
import json
import random
import re
import string
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("secrets.toml")
PASSWORD = "hunter2"

_ALPHABETS = {
    "alnum": string.ascii_letters + string.digits,
    "upper": string.ascii_uppercase + "234567",
    "lower": string.ascii_lowercase,
    "hex": "0123456789abcdef",
    "digits": string.digits,
    "base64": string.ascii_letters + string.digits + "+/",
}
_CHARACTERS = {"newline": "\n", "tab": "\t", "zwsp": "\u200b", "zwnj": "\u200c", "shy": "\u00ad"}
_PLACE = re.compile(r"\{(\w+):(\d+)\}|\{(" + "|".join(_CHARACTERS) + r")\}")
_SECRET = re.compile(r"«(.*?)»", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Labelled:
    """One item: `written` as in the file, `filled` as a source would send it, and the secrets in it."""

    kind: str
    group: str
    part: str
    written: str
    value: Any
    secrets: tuple[str, ...]


def fill(written: str) -> tuple[str, tuple[str, ...]]:
    """Return the text with random parts and without marks, and the marked secrets. The same text fills the same way."""
    source = random.Random(written)

    def piece(found: re.Match[str]) -> str:
        if found[3]:
            return _CHARACTERS[found[3]]
        return "".join(source.choices(_ALPHABETS[found[1]], k=int(found[2])))

    marked = _PLACE.sub(piece, written)
    return _SECRET.sub(r"\1", marked), tuple(_SECRET.findall(marked))


def part_of(written: str) -> str:
    """Return the part that an item belongs to; nobody chooses it."""
    return "held_out" if hashlib.sha256(written.encode()).digest()[0] % 2 else "rules"


@cache
def labelled_texts() -> tuple[Labelled, ...]:
    return tuple(
        _labelled(kind, item) for kind, items in tomllib.loads(FILE.read_text()).items() for item in items
    )  # fmt: skip


def _labelled(kind: str, item: dict[str, str]) -> Labelled:
    [written] = item.keys() & {"text", "payload", "key"}
    if written == "key":
        value: Any = {"conf": [{"deep": {item["key"]: PASSWORD}}], item["key"]: PASSWORD}
        return Labelled(kind, item["group"], item["part"], item["key"], value, (PASSWORD,))
    filled, secrets = fill(item[written])
    return Labelled(
        kind, item["group"], item["part"], item[written], json.loads(filled) if written == "payload" else filled, secrets
    )  # fmt: skip
