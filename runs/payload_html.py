"""A run's payload as highlighted JSON. Every text is escaped, because payloads come from partners."""

import json
import re
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

MOST = 200_000
_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)')


def highlighted(payload: Any) -> SafeString:
    """Return indented HTML; a payload too long for a page is cut, with a note."""
    text = json.dumps(payload, indent=2, ensure_ascii=False)
    cut = len(text) > MOST
    pieces: list[str] = []
    at = 0
    for found in _TOKEN.finditer(text[:MOST]):
        pieces.append(escape(text[at : found.start()]))
        string, colon, word, number = found.groups()
        if string:
            kind = "key" if colon else "text"
            pieces.append(f'<span class="chm-json-{kind}">{escape(string)}</span>{colon or ""}')
        else:
            pieces.append(f'<span class="chm-json-{"word" if word else "number"}">{escape(word or number)}</span>')
        at = found.end()
    pieces.append(escape(text[at:MOST]))
    if cut:
        pieces.append(f"\n… {len(text) - MOST:,} characters more; the API gives all of it.")
    return mark_safe("".join(pieces))  # noqa: S308 - each piece of the payload is escaped above
