"""Show a run's payload as highlighted JSON. Every text is escaped, because payloads come from sources."""

import json
import re
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

MAX_CHARACTERS = 200_000
# A token of JSON: a string (a key if a colon follows it), true, false or null, or a number.
_TOKEN_PATTERN = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)')


def payload_as_html(payload: Any) -> SafeString:
    """Return the payload as HTML with indented JSON. Cut it after MAX_CHARACTERS, and add a note."""
    text = json.dumps(payload, indent=2, ensure_ascii=False)
    is_cut = len(text) > MAX_CHARACTERS
    pieces: list[str] = []
    position = 0
    for token in _TOKEN_PATTERN.finditer(text[:MAX_CHARACTERS]):
        pieces.append(escape(text[position : token.start()]))
        string, colon, word, number = token.groups()
        if string:
            kind = "key" if colon else "text"
            pieces.append(f'<span class="chm-json-{kind}">{escape(string)}</span>{colon or ""}')
        else:
            pieces.append(f'<span class="chm-json-{"word" if word else "number"}">{escape(word or number)}</span>')
        position = token.end()
    pieces.append(escape(text[position:MAX_CHARACTERS]))
    if is_cut:
        pieces.append(f"\n… {len(text) - MAX_CHARACTERS:,} more characters; the API returns all of it.")
    return mark_safe("".join(pieces))  # noqa: S308 - each piece of the payload is escaped above
