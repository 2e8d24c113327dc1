"""Read runs/tests/secrets.toml: texts with and without secrets, which test the scrubber.

In a text, each secret is between « and ». A placeholder such as {hex:8} stands for 8 random characters of the alphabet
`hex`. The placeholder {tab} stands for a tab.
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

from chm_project.scrubbing import scrub_text, scrubbed_json

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
    """A text or payload that the scrubber is tested with.

    `template` is the text in the file. `value` is the text or payload as a source would send it.
    """

    kind: str  # secret or harmless
    group: str  # what the text looks like, such as "prose" or "assignment"
    part: str  # rules or held_out, see part_of()
    template: str
    value: Any
    secrets: tuple[str, ...]


def fill(template: str) -> tuple[str, tuple[str, ...]]:
    """Return the text without placeholders and without « and », and the secrets that were between them.

    The random characters are always the same for the same template.
    """
    rng = random.Random(template)

    def replacement(match: re.Match[str]) -> str:
        if match[3]:
            return _CHARACTERS[match[3]]
        return "".join(rng.choices(_ALPHABETS[match[1]], k=int(match[2])))

    text_with_marks = _PLACEHOLDER.sub(replacement, template)
    return _SECRET.sub(r"\1", text_with_marks), tuple(_SECRET.findall(text_with_marks))


def part_of(template: str) -> str:
    """Return the part that a text belongs to. A hash decides, so that the author of a text cannot choose the part.

    The authors of the scrubber's rules looked at the texts of the part "rules". They did not look at the part
    "held_out", which only measures how good the rules are.
    """
    return "held_out" if hashlib.sha256(template.encode()).digest()[0] % 2 else "rules"


def items_of(kind: str, part: str | None = None) -> list[LabelledText]:
    """Return the texts of a kind, "secret" or "harmless". If `part` is not None, return only the texts of this part."""
    return [item for item in labelled_texts() if item.kind == kind and part in (None, item.part)]


def is_missed(item: LabelledText) -> bool:
    """Return whether the scrubbed text still contains a word of a secret, as it is or as JSON escapes it."""
    scrubbed = _scrubbed(item)
    # Ignore words of one or two letters, because the rest of the text can contain them too.
    words = [word for secret in item.secrets for word in secret.split() if len(word) > 2]
    return any(word in scrubbed or json.dumps(word)[1:-1] in scrubbed for word in words)


def is_altered(item: LabelledText) -> bool:
    return _scrubbed(item) != (item.value if isinstance(item.value, str) else json.dumps(item.value))


def _scrubbed(item: LabelledText) -> str:
    if isinstance(item.value, str):
        return scrub_text(item.value)
    # scrubbed_json() accepts only mappings, so put any other value into a mapping, and take it out afterwards.
    payload = item.value if isinstance(item.value, dict) else {"value": item.value}
    scrubbed = json.loads(scrubbed_json(payload))
    return json.dumps(scrubbed if payload is item.value else scrubbed["value"])


@cache
def labelled_texts() -> tuple[LabelledText, ...]:
    return tuple(
        _labelled_text(kind, entry) for kind, entries in tomllib.loads(FILE.read_text()).items() for entry in entries
    )


def _labelled_text(kind: str, entry: dict[str, str]) -> LabelledText:
    [field] = entry.keys() & {"text", "payload", "key"}
    if field == "key":
        # The entry has only a key, such as "password". The scrubber must remove its value at any depth of a payload.
        value: Any = {"conf": [{"deep": {entry["key"]: EXAMPLE_VALUE}}], entry["key"]: EXAMPLE_VALUE}
        return LabelledText(kind, entry["group"], entry["part"], entry["key"], value, (EXAMPLE_VALUE,))
    filled, secrets = fill(entry[field])
    value = json.loads(filled) if field == "payload" else filled
    return LabelledText(kind, entry["group"], entry["part"], entry[field], value, secrets)
