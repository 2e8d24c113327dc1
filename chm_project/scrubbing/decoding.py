"""Decode percent codes, HTML entities, escapes and full-width letters, and remove invisible characters.

The rules search the original and the decoded text. So they also find a secret after an encoded name such as
`p%61ssword`.
"""

import html
import re
from bisect import bisect_right
from dataclasses import dataclass

_INVISIBLE = "\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff"
_ESCAPES = r"%[2-7][0-9A-Fa-f]|&(?:quot|apos|lt|gt|amp|#\d{2,5}|#x[0-9A-Fa-f]{2,4});|\\{1,2}u00[2-7][0-9A-Fa-f]"
_CODES_IN_ASCII_TEXT = re.compile(_ESCAPES)
_CODES_IN_OTHER_TEXT = re.compile(rf"{_ESCAPES}|[{_INVISIBLE}]+|[\uff01-\uff5e]|\u0130")


@dataclass(frozen=True, slots=True)
class DecodedText:
    """A decoded text with the positions of its characters in the original text.

    From position `starts[n]` to the next start, a character is `shifts[n]` positions later in the original text.
    Example: p%61ssword is decoded to password. From position 2 on, characters are 2 positions later in the original.
    """

    text: str
    starts: list[int]
    shifts: list[int]

    def original_span(self, span: tuple[int, int]) -> tuple[int, int]:
        """Return the span in the original text.

        It contains whole codes, and the invisible characters that follow it directly.
        """
        start, end = span
        return start + self._shift(start), end + self._shift(end)

    def _shift(self, position: int) -> int:
        index = bisect_right(self.starts, position) - 1
        return self.shifts[index] if index >= 0 else 0


def decode(text: str) -> DecodedText | None:
    """Return the decoded text, or None if there is nothing to decode."""
    if text.isascii():
        if "%" not in text and "&" not in text and "\\u00" not in text:
            return None
        pattern = _CODES_IN_ASCII_TEXT
    else:
        pattern = _CODES_IN_OTHER_TEXT
    pieces: list[str] = []
    starts: list[int] = []
    shifts: list[int] = []
    position = decoded_length = 0
    for match in pattern.finditer(text):
        start, end = match.span()
        piece = _character(match[0])
        pieces += [text[position:start], piece]
        decoded_length += start - position + len(piece)
        starts.append(decoded_length)
        shifts.append(end - decoded_length)
        position = end
    if not starts:
        return None
    pieces.append(text[position:])
    return DecodedText("".join(pieces), starts, shifts)


def _character(code: str) -> str:
    """Return the character that the code stands for, or "" for invisible characters."""
    match code[0]:
        case "%":
            return chr(int(code[1:], 16))
        case "&":
            character = html.unescape(code)
            return character if len(character) == 1 else " "
        case "\\":
            return chr(int(code[-2:], 16))
        # The lower case of this letter (İ) has two characters, so the positions after it would be wrong.
        case "\u0130":
            return "i"
        case first if "\uff01" <= first <= "\uff5e":
            return chr(ord(first) - 0xFEE0)
        case _:
            return ""
