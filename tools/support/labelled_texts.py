"""The labelled texts of runs/tests/secrets.toml with replaced placeholders, and what the scrubber does with them."""

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

from chm_project.scrubbing import scrub_mapping, scrub_text

FILE = Path(__file__).parents[2] / "runs" / "tests" / "secrets.toml"
EXAMPLE_VALUE = "hunter2"

_ALPHABETS = {
    "alnum": string.ascii_letters + string.digits,
    "upper": string.ascii_uppercase + "234567",
    "lower": string.ascii_lowercase,
    "hex": "0123456789abcdef",
    "digits": string.digits,
    "base64": string.ascii_letters + string.digits + "+/",
}
_CHARACTERS = {"newline": "\n", "tab": "\t", "zwsp": "\u200b", "zwnj": "\u200c", "shy": "\u00ad"}
_PLACEHOLDER = re.compile(r"\{(\w+):(\d+)\}|\{(" + "|".join(_CHARACTERS) + r")\}")
_SECRET = re.compile(r"«(.*?)»", re.DOTALL)


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text or payload: `template` as in the file, `value` as a source would send it, and the secrets in it."""

    kind: str
    group: str
    part: str
    template: str
    value: Any
    secrets: tuple[str, ...]


def fill(template: str) -> tuple[str, tuple[str, ...]]:
    """Return the text with its placeholders replaced and without the marks « », and the secrets between the marks.

    The random parts are always the same for the same text.
    """
    rng = random.Random(template)

    def replacement(match: re.Match[str]) -> str:
        if match[3]:
            return _CHARACTERS[match[3]]
        return "".join(rng.choices(_ALPHABETS[match[1]], k=int(match[2])))

    marked = _PLACEHOLDER.sub(replacement, template)
    return _SECRET.sub(r"\1", marked), tuple(_SECRET.findall(marked))


def part_of(template: str) -> str:
    """Return the part that a text belongs to: "rules" or "held_out". A hash decides, so that authors cannot choose."""
    return "held_out" if hashlib.sha256(template.encode()).digest()[0] % 2 else "rules"


def items_of(kind: str, part: str | None = None) -> list[LabelledText]:
    """Return the items of a kind, "secret" or "harmless", and of one part, or of both if `part` is None."""
    return [item for item in labelled_texts() if item.kind == kind and part in (None, item.part)]


def is_missed(item: LabelledText) -> bool:
    """Return whether a word of a secret is still in the scrubbed text, as written or as JSON escapes it."""
    scrubbed = _scrubbed(item)
    # Words of one or two letters can also occur in the harmless rest of the text.
    words = [word for secret in item.secrets for word in secret.split() if len(word) > 2]
    return any(word in scrubbed or json.dumps(word)[1:-1] in scrubbed for word in words)


def is_altered(item: LabelledText) -> bool:
    """Return whether the scrubber changes the item."""
    return _scrubbed(item) != (item.value if isinstance(item.value, str) else json.dumps(item.value))


def _scrubbed(item: LabelledText) -> str:
    if isinstance(item.value, str):
        return scrub_text(item.value)
    # The scrubber accepts only mappings, so other values are wrapped and unwrapped.
    payload = item.value if isinstance(item.value, dict) else {"value": item.value}
    scrubbed = json.loads(scrub_mapping(payload))
    return json.dumps(scrubbed if payload is item.value else scrubbed["value"])


@cache
def labelled_texts() -> tuple[LabelledText, ...]:
    return tuple(_labelled(kind, item) for kind, items in tomllib.loads(FILE.read_text()).items() for item in items)


def _labelled(kind: str, item: dict[str, str]) -> LabelledText:
    [field] = item.keys() & {"text", "payload", "key"}
    if field == "key":
        # A secret key must hide its value at any depth.
        value: Any = {"conf": [{"deep": {item["key"]: EXAMPLE_VALUE}}], item["key"]: EXAMPLE_VALUE}
        return LabelledText(kind, item["group"], item["part"], item["key"], value, (EXAMPLE_VALUE,))
    filled, secrets = fill(item[field])
    value = json.loads(filled) if field == "payload" else filled
    return LabelledText(kind, item["group"], item["part"], item[field], value, secrets)
