"""The labelled texts of runs/tests/secrets.toml, which test the scrubber.

In a text, marks enclose a secret: «secret». A placeholder such as {hex:8} stands for random characters, here 8 of the
alphabet `hex`; {tab} stands for one special character.
"""

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
    # The characters of base32.
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

    kind: str  # secret or harmless
    group: str  # what the text looks like, such as "prose" or "assignment"
    part: str  # rules or held_out, see part_of()
    template: str
    value: Any
    secrets: tuple[str, ...]


def fill(template: str) -> tuple[str, tuple[str, ...]]:
    """Return two values: the text, with placeholders replaced and marks removed, and the secrets that were marked.

    The random characters are always the same for the same text.
    """
    rng = random.Random(template)

    def replacement(match: re.Match[str]) -> str:
        if match[3]:
            return _CHARACTERS[match[3]]
        return "".join(rng.choices(_ALPHABETS[match[1]], k=int(match[2])))

    marked = _PLACEHOLDER.sub(replacement, template)
    return _SECRET.sub(r"\1", marked), tuple(_SECRET.findall(marked))


def part_of(template: str) -> str:
    """Return the part that a text belongs to. A hash decides, so that authors cannot choose.

    The part "rules" was used to write the scrubber's rules. The part "held_out" was not: it only measures them.
    """
    return "held_out" if hashlib.sha256(template.encode()).digest()[0] % 2 else "rules"


def items_of(kind: str, part: str | None = None) -> list[LabelledText]:
    """Return the texts of a kind, "secret" or "harmless", and of one part, or of both if `part` is None."""
    return [item for item in labelled_texts() if item.kind == kind and part in (None, item.part)]


def is_missed(item: LabelledText) -> bool:
    """Return whether a word of a secret is still in the scrubbed text, also if JSON has escaped the word."""
    scrubbed = _scrubbed(item)
    # Words of one or two letters can also occur in the harmless rest of the text.
    words = [word for secret in item.secrets for word in secret.split() if len(word) > 2]
    return any(word in scrubbed or json.dumps(word)[1:-1] in scrubbed for word in words)


def is_altered(item: LabelledText) -> bool:
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
    return tuple(
        _labelled_text(kind, entry) for kind, entries in tomllib.loads(FILE.read_text()).items() for entry in entries
    )


def _labelled_text(kind: str, entry: dict[str, str]) -> LabelledText:
    [field] = entry.keys() & {"text", "payload", "key"}
    if field == "key":
        # The value of a key with a secret name, such as password, must be hidden at any depth.
        value: Any = {"conf": [{"deep": {entry["key"]: EXAMPLE_VALUE}}], entry["key"]: EXAMPLE_VALUE}
        return LabelledText(kind, entry["group"], entry["part"], entry["key"], value, (EXAMPLE_VALUE,))
    filled, secrets = fill(entry[field])
    value = json.loads(filled) if field == "payload" else filled
    return LabelledText(kind, entry["group"], entry["part"], entry[field], value, secrets)
